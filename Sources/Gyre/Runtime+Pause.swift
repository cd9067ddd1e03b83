public import GyreCore
public import GyrePolicy

extension Runtime {
    /// Lets nothing of `scope` begin before `instant`, by default until ``resume(_:)``: neither jobs of the engines of
    /// this runtime nor calls of its dependencies, those included that are made later. What is under way goes on; what
    /// is held is neither refused nor lost.
    ///
    /// ```swift
    /// gyre.pause(.dependency("quote"), until: gyre.clock.now + .seconds(60))
    /// gyre.pause(.tenant(number: 7))
    /// gyre.resume(.tenant(number: 7))
    /// ```
    ///
    /// | scope | jobs | calls |
    /// | --- | --- | --- |
    /// | `dependency` | of the handler of that name | of the dependencies of that name |
    /// | `tenant` | of the tenant of that name | of the tenant whose number has these digits |
    /// | `lane` | of that lane | none: calls have classes, and no lane |
    ///
    /// A second pause of a scope takes the place of the first. What is in several scopes begins when all of them have
    /// ended. Calls that are held keep their places in the fair queue and end at their own deadlines.
    ///
    /// - Complexity: O(parts), and while a tenant is paused a short lock for each attempt.
    /// - Concurrency: Any thread.
    public func pause(_ scope: PauseScope, until instant: MonotonicInstant = .distantFuture) {
        setPause(scope, until: instant)
    }

    /// Ends a pause before its time, of everything on this runtime that ``pause(_:until:)`` has paused.
    ///
    /// - Returns: Whether there was one.
    @discardableResult
    public func resume(_ scope: PauseScope) -> Bool {
        setPause(scope, until: nil)
    }

    /// Until when `scope` is paused; `nil` when it is not.
    public func pausedUntil(_ scope: PauseScope) -> MonotonicInstant? {
        pauses.withLock { $0.end(of: scope, at: clock.now) }
    }

    @discardableResult
    private func setPause(_ scope: PauseScope, until instant: MonotonicInstant?) -> Bool {
        let (wasPaused, lines): (Bool, [Dependency]) = pauses.withLock { pauses in
            let now = clock.now
            let wasPaused = pauses.end(of: scope, at: now) != nil
            pauses.removeEnded(at: now)
            if let instant { pauses.pause(scope, until: instant) } else { pauses.resume(scope) }
            // Under the lock: of two calls all parts hear the same one last.
            return (wasPaused, ([engine] + parts.all).compactMap { $0.setPause(scope, until: instant) })
        }
        for dependency in lines { dependency.serveTurns() }
        return wasPaused
    }

    /// A part that stands still with what is paused already.
    func addPausable(_ part: any DescribedPart) {
        pauses.withLock { pauses in
            parts.add(part)
            for (scope, end) in pauses.ends { _ = part.setPause(scope, until: end) }
        }
    }
}
