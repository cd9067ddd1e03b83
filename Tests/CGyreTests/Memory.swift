import Glibc
import Synchronization

/// Zeroed memory on a cache line, for structures that Swift sees as opaque. Freed with this object.
final class CacheAligned: @unchecked Sendable {  // who may touch it how is what a test is about
    let start: UnsafeMutableRawPointer
    var opaque: OpaquePointer { OpaquePointer(start) }

    init(bytes: Int) {
        var memory: UnsafeMutableRawPointer?
        let code = posix_memalign(&memory, 64, (bytes + 63) / 64 * 64)
        guard code == 0, let memory else { preconditionFailure("no memory for a test") }
        memset(memory, 0, (bytes + 63) / 64 * 64)
        start = memory
    }

    deinit { free(start) }
}

/// Looks until `condition` holds. False after a minute: a bound on a hang, never a measurement.
func eventually(_ condition: () -> Bool) -> Bool {
    let end = monotonicNanoseconds() + 60_000_000_000
    while !condition() {
        if monotonicNanoseconds() > end { return condition() }
        sched_yield()
    }
    return true
}

/// Raised once.
final class Flag: Sendable {
    private let word = Atomic(false)
    var isRaised: Bool { word.load(ordering: .acquiring) }
    func raise() { word.store(true, ordering: .releasing) }
}

/// A number that threads count up.
final class Tally: Sendable {
    private let number = Atomic(0)
    var count: Int { number.load(ordering: .sequentiallyConsistent) }
    func add(_ amount: Int = 1) { number.add(amount, ordering: .sequentiallyConsistent) }
}
