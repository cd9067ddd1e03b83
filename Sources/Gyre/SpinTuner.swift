import GyreCore
import GyrePolicy

/// Lets the controller of a runtime decide how long its workers look for work before they sleep.
final class SpinTuner: Sendable {
    private struct State: Sendable {
        var controller = SpinController()
        /// Of the last window. The worker that decides allocates nothing for it: a process at rest does not grow.
        var measured = SearchTime.Measurements()
        /// As long as no worker has been woken: what the controller is bounded by is then no bound.
        var wakeNanoseconds = SpinController.candidates.last ?? 0
    }

    /// What a wake-up costs in all, in latencies of its task: beside it stand the submitter's system call and the
    /// worker's way to sleep and back.
    private static let costInLatencies: UInt64 = 3

    private let state = Lock(State())

    var spin: TunedValue<UInt64> { state.withLock { $0.controller.spin } }

    var settings: [SettingDescription] { state.withLock { $0.controller.settings } }

    /// A window has ended. Under the lock to the end: what somebody pins meanwhile comes later, and stays.
    func decide(_ time: SearchTime, at now: MonotonicInstant) {
        state.withLock { state in
            state.measured.advance(over: time)
            if let median = state.measured.wakes.values.nanoseconds(atPercentile: 50) {
                state.wakeNanoseconds = median * Self.costInLatencies
            }
            state.controller.update(state.measured.gaps.values, wakeNanoseconds: state.wakeNanoseconds, at: now)
            time.set(nanoseconds: state.controller.spin.value)
        }
    }

    func pin(_ duration: Duration?, _ time: SearchTime) {
        state.withLock { state in
            if let duration { state.controller.pin(duration) } else { state.controller.unpin() }
            time.set(nanoseconds: state.controller.spin.value)
        }
    }
}
