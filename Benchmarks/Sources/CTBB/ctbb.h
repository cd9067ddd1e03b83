// ctbb.h: nothing for Swift to see: tbb.cpp includes oneTBB's own headers. The module brings the library to the linker.
