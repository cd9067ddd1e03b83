import Glibc
import Testing

extension Trait where Self == ConditionTrait {
    /// For tests of FlyingFox's server or its sockets. Its lock hands out what it guards as an inout access of a
    /// class's property. ThreadSanitizer takes that for a write of the whole object, the pointer by which other threads
    /// find the lock included, and reports a race that is none, about once in ten runs of the tests. The sanitizer has
    /// no word for one module, and without its look at inout accesses it would not see two threads append to an array.
    static var unlessThreadSanitized: Self {
        .disabled(if: dlsym(nil, "__tsan_init") != nil, "a false race in FlyingFox's lock is reported now and then")
    }
}
