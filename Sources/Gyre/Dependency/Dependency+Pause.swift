public import GyreCore
import GyrePolicy

// Pauses. A dependency is paused by its own word, or by the runtime's with all that is of a scope: then it is reached
// by its label, which has its line and its words and not the dependency itself (RuntimeParts).

extension Dependency {
    /// Attempts that may wait for their turn where no fair queue says how many: half of the timers of a runtime.
    public static let turnsMax = 1 << 20

    /// Lets no further attempt begin before `instant`; by default until ``resume()``. Those that are under way go on,
    /// and what is held is neither refused nor lost: it waits in the fair queue, and ends at its own deadline only. A
    /// second pause takes the place of the first. ``Runtime/pause(_:until:)`` pauses it too, on its own: both must
    /// have ended.
    ///
    /// - Concurrency: Any thread.
    public func pause(until instant: MonotonicInstant = .distantFuture) {
        turns.withLock { turns in
            turns.pausedUntil = instant
            words.turns.update { _ in (1, ()) }
        }
        serveTurns()
    }

    /// Ends a pause of ``pause(until:)`` before its time.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func resume() -> Bool {
        let wasPaused = turns.withLock { turns in
            defer { turns.pausedUntil = .distantPast }
            return turns.pausedUntil > clock.now
        }
        serveTurns()
        return wasPaused
    }

    /// What the runtime says of `scope`, for the line of the dependency `name`.
    ///
    /// - Parameter instant: The end of the pause; `nil` when there is none any more.
    /// - Returns: The dependency, when somebody waits in its line, which must be served.
    static func applyPause(
        of scope: PauseScope, until instant: MonotonicInstant?, to turns: SharedLock<TurnLine>,
        _ words: DependencyWords, name: String, _ timers: TimerService, at now: MonotonicInstant
    ) -> Dependency? {
        turns.withLock { turns in
            if scope == .dependency(name) {
                turns.scopePausedUntil = instant ?? .distantPast
            } else if let tenant = scope.tenantNumber {
                turns.pause(tenant: tenant, until: instant ?? .distantPast, at: now)
            } else {
                return nil
            }
            let isAsked = !turns.isEmpty || turns.isPaused(at: now)
            words.turns.update { _ in (isAsked ? 1 : 0, ()) }
            // Where somebody does, the alarm has the dependency. One that just fires looks at the line after this.
            guard let alarm = turns.alarm, timers.cancel(alarm.token) else { return nil }
            turns.alarm = nil
            return alarm.dependency.takeRetainedValue()
        }
    }
}
