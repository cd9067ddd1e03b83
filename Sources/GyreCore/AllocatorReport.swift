internal import CGyre

/// Which allocator serves this process.
///
/// It is found by asking the dynamic linker whose `malloc` it hands out. What a program is linked with proves nothing:
/// a sanitizer, a preloaded library or the order of libraries may put another definition first.
public struct AllocatorReport: Sendable, Equatable {
    /// The allocators that are told apart.
    public enum Kind: String, Sendable {
        case glibc, jemalloc, mimalloc, tcmalloc
        /// `malloc` is part of the program itself, as under a sanitizer or when an allocator is linked statically.
        case program
        case other
    }

    /// The library or program that contains the `malloc` in use. `nil` when the linker does not tell.
    public let path: String?
    public let kind: Kind

    /// What serves `malloc` at this moment. It does not change while a process runs.
    public static func current() -> AllocatorReport {
        let path = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4_096) { text -> String? in
            guard let start = text.baseAddress, gyre_allocator_path(start, text.count) else { return nil }
            return String(cString: start)
        }
        return AllocatorReport(path: path)
    }

    package init(path: String?) {
        self.path = path
        let file = path?.split(separator: "/").last.map(String.init) ?? ""
        let libraries: [(prefix: String, kind: Kind)] = [
            ("libjemalloc", .jemalloc), ("libmimalloc", .mimalloc), ("libtcmalloc", .tcmalloc), ("libc.so", .glibc),
            ("libc-", .glibc),
        ]
        let known = libraries.first { file.hasPrefix($0.prefix) }
        kind = known?.kind ?? (path == nil || file.contains(".so") ? .other : .program)
    }
}
