import GyreCore
public import GyrePolicy

/// What the controllers of a dependency have set, with each one's last decision and its reason.
public struct DependencyTuning: Sendable, Hashable {
    /// How many calls there may be at once; `nil` without an adaptive limit.
    public let concurrencyLimit: TunedValue<UInt32>?
    /// After how long a call is late, in nanoseconds. Learned with a hedge, an adaptive limit, a learned attempt
    /// timeout or a breaker that knows slow calls by the usual ones.
    public let hedgeDelayNanoseconds: TunedValue<UInt64?>
    /// What 99.9 % of the attempts take at most, in nanoseconds: an attempt has one and a half times that.
    public let slowestNanoseconds: TunedValue<UInt64?>
}

extension Dependency {
    /// What was learned from the attempts so far. Once in a window (a second, or the adaptive limit's) one attempt that
    /// ends lets the controllers decide: some ten microseconds of its thread.
    public var learned: DependencyTuning { tuning.learned }

    /// Sets the adaptive limit by hand, or lets the measurements decide again with `nil`.
    ///
    /// - Precondition: The dependency has an adaptive limit.
    public func pinConcurrencyLimit(_ limit: UInt32?) {
        precondition(policies.adaptiveLimit != nil, "\(name) has no adaptive limit")
        apply(tuning.adjust { if let limit { $0.limit?.pin(limit) } else { $0.limit?.unpin() } })
    }

    /// Sets by hand after how long a call is late, or lets the measurements decide again with `nil`.
    public func pinHedgeDelay(_ delay: Duration?) { apply(tuning.adjust { $0.latency.pinHedgeDelay(delay) }) }

    /// Sets by hand what 99.9 % of the attempts take at most, which the learned attempt timeout is made of, or lets the
    /// measurements decide again with `nil`.
    public func pinSlowest(_ latency: Duration?) { apply(tuning.adjust { $0.latency.pinSlowest(latency) }) }

    /// A window is over.
    func decide(at now: MonotonicInstant) { apply(tuning.decide(at: now)) }

    private func apply(_ limit: UInt32?) {
        guard let limit else { return }
        words.limit.update { _ in (UInt64(limit), ()) }
        promoteWaiters()
    }
}

extension DependencyTuner {
    var learned: DependencyTuning {
        controllers.withLock {
            DependencyTuning(
                concurrencyLimit: $0.limit?.limit, hedgeDelayNanoseconds: $0.latency.hedgeDelay,
                slowestNanoseconds: $0.latency.slowest)
        }
    }
}
