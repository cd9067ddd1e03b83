import GyreCore
import Synchronization
import Testing

@Suite struct TimerServiceTests {
    /// A far timer is always there, and each near one is inserted just when the timer thread is about to sleep until
    /// the far one: right after the near one before it has fired. None may wait for the far one.
    @Test func aNearTimerIsNotSleptThrough() throws {
        let clock = MonotonicClock.system(.kernel)
        let timers = TimerService(clock: clock)
        defer { timers.close() }
        let far = clock.now + .seconds(3_600)
        _ = try timers.insert(due: far, { _, _ in }, 0, 0)
        let fired = Atomic<UInt64>(0)
        try withUnsafePointer(to: fired) { address in
            let word = UInt64(UInt(bitPattern: address))
            for round: UInt64 in 1...3_000 {
                let due = clock.now + .microseconds(Int(round % 40))
                _ = try timers.insert(due: due, count, word, 0)
                let limit = clock.now + .seconds(20)
                while fired.load(ordering: .acquiring) < round {
                    try #require(clock.now < limit, "round \(round)")
                }
            }
        }
    }
}

private let count: TimerFunction = { word, _ in
    guard let address = UnsafePointer<Atomic<UInt64>>(bitPattern: UInt(word)) else { return }
    address.pointee.wrappingAdd(1, ordering: .releasing)
}
