internal import CGyre
internal import Glibc

/// Why the kernel refused to place a thread.
package struct PlacementError: Error, Equatable {
    /// The `errno` value: `EINVAL` for a CPU that the process may not use, `ESRCH` for a thread that is gone.
    package let code: Int32
}

/// The CPUs that a thread may run on.
package struct CPUMask: Sendable, Equatable {
    /// Ascending.
    package let cpus: [Int]

    package init(cpus: some Sequence<Int>) {
        self.cpus = Set(cpus).sorted()
    }

    /// The kernel's mask of a thread at this moment; 0 is the calling thread.
    package init(ofThread thread: Int32) throws(PlacementError) {
        guard let set = gyre_cpu_set_of_thread(thread) else { throw PlacementError(code: errno) }
        defer { gyre_cpu_set_destroy(set) }
        var cpus: [Int] = []
        var cpu: UInt32 = 0
        while gyre_cpu_set_next(set, cpu, &cpu) {
            cpus.append(Int(cpu))
            cpu += 1
        }
        self.cpus = cpus
    }

    /// Makes this the mask of a thread; 0 is the calling thread.
    package func apply(toThread thread: Int32 = 0) throws(PlacementError) {
        guard let set = gyre_cpu_set_create(UInt32(clamping: cpus.last ?? 0)) else {
            throw PlacementError(code: errno)
        }
        defer { gyre_cpu_set_destroy(set) }
        for cpu in cpus {
            guard let number = UInt32(exactly: cpu), gyre_cpu_set_add(set, number) else {
                throw PlacementError(code: EINVAL)
            }
        }
        let failure = gyre_cpu_set_apply(set, thread)
        guard failure == 0 else { throw PlacementError(code: failure) }
    }
}

/// Where the calling thread runs and what it is called.
package enum CurrentThread {
    /// The kernel's number of this thread.
    package static var id: Int32 { gyre_cpu_thread() }

    /// The CPU that this thread runs on now, `nil` where the kernel does not say.
    package static var cpu: Int? {
        var cpu: UInt32 = 0
        return gyre_cpu_current(&cpu) ? Int(cpu) : nil
    }

    /// Lets this thread run on one CPU only, until a mask is applied to it.
    package static func pin(toCPU cpu: Int) throws(PlacementError) {
        guard let number = UInt32(exactly: cpu) else { throw PlacementError(code: EINVAL) }
        let failure = gyre_cpu_pin(number)
        guard failure == 0 else { throw PlacementError(code: failure) }
    }

    /// Names this thread for debuggers and `top`; the kernel keeps 15 bytes.
    package static func setName(_ name: String) throws(PlacementError) {
        let failure = gyre_cpu_name_thread(name)
        guard failure == 0 else { throw PlacementError(code: failure) }
    }

    /// The first 15 bytes of this thread's name.
    package static var name: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16) { characters in
            guard let start = characters.baseAddress, gyre_cpu_thread_name(start) == 0 else { return "" }
            return String(cString: start)
        }
    }
}
