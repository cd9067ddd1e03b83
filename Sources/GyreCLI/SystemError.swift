import Glibc

/// What the system says to an error number, as "No such file or directory".
func systemErrorText(_ code: Int32) -> String {
    // strerror shares one buffer between threads.
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
        guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else { return "error \(code)" }
        return String(cString: buffer.baseAddress!)
    }
}
