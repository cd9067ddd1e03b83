internal import CGyre
internal import Glibc

/// How a thread sleeps until a lock-free structure may have changed (gyre_event.h).
///
/// `@unchecked Sendable`: both words are atomics of CGyre.
package final class EventCount: @unchecked Sendable {
    private let event: UnsafeMutablePointer<gyre_event>

    package init() {
        event = .allocate(capacity: 1)
        gyre_event_init(event)
    }

    deinit { event.deallocate() }

    /// Tells every waiter to look again. A fence and a load when nobody waits.
    package func notifyAll() { gyre_event_notify_all(event) }

    /// Tells one waiter to look again, where any of them will do.
    package func notifyOne() { gyre_event_notify_one(event) }

    /// Waits until `condition` holds, at the longest until `deadline` of `clock`. Returns whether it holds.
    ///
    /// The condition is evaluated by this thread, after each notification at least. Blocks: not for workers.
    @discardableResult
    package func wait(until deadline: MonotonicInstant?, clock: MonotonicClock, _ condition: () -> Bool) -> Bool {
        while true {
            if condition() { return true }
            let key = gyre_event_prepare(event)
            if condition() {
                gyre_event_cancel(event)
                return true
            }
            let inTime = gyre_event_wait(event, key, SystemDeadline.nanoseconds(deadline, clock))
            if !inTime { return condition() }
        }
    }
}

/// Instants of a clock of ours as the kernel takes them.
package enum SystemDeadline {
    /// Nanoseconds of CLOCK_MONOTONIC at `deadline`; the end of time for `nil`.
    package static func nanoseconds(_ deadline: MonotonicInstant?, _ clock: MonotonicClock) -> UInt64 {
        guard let deadline else { return UInt64.max }
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let system = UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
        let (sum, isTooLarge) = system.addingReportingOverflow(deadline.nanoseconds(since: clock.now))
        return isTooLarge ? UInt64.max : sum
    }
}
