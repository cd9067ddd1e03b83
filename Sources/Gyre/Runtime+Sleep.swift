import GyreCore

extension Runtime {
    /// Suspends the calling task, and no thread, until `deadline`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first, or the runtime ends; ``SubmitError/full`` when
    ///   two million timers wait already.
    /// - Complexity: O(1). One allocation, and 64 bytes of the timing wheel while it waits.
    public nonisolated func sleep(until deadline: MonotonicInstant) async throws {
        try Self.check(await TimedSleep(timers: timers).sleep(until: deadline))
    }

    /// Suspends the calling task, and no thread, for at least `duration`.
    ///
    /// - Throws: As ``sleep(until:)``.
    public nonisolated func sleep(for duration: Duration) async throws {
        // Not by way of the other, whose frame would be one more.
        try Self.check(await TimedSleep(timers: timers).sleep(until: clock.now + duration))
    }

    private static func check(_ end: TimedSleep.End) throws {
        switch end {
        case .due, .woken: return
        case .full: throw SubmitError.full
        case .cancelled, .closed: throw CancellationError()
        }
    }
}
