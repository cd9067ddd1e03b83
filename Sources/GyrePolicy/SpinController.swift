public import GyreCore

/// Learns how long a worker looks for work before it sleeps.
///
/// Spinning for s costs what is waited in vain; not spinning costs a wake-up. From how long workers have been without
/// work lately follows what each s would have cost:
///
///     cost(s) = Σ over gaps g:   g                 if g <= s      (the work came while spinning)
///                                s + wake-up       if g >  s      (it did not: spun for nothing, and woken)
///
/// and the cheapest s is taken. Never more than the wake-up itself, which is at most twice the cost of knowing the
/// future: Karlin, Li, Manasse and Owicki, "Empirical studies of competitive spinning", SOSP 1991.
///
/// - Complexity: O(buckets · candidates) per window.
public struct SpinController: Sendable {
    /// Nanoseconds of spinning before a worker sleeps, with the last decision.
    public private(set) var spin: TunedValue<UInt64>

    /// The pool's range, from a few looks to the length of a wake-up.
    public static let candidates: [UInt64] = [1_500, 2_000, 3_000, 4_000, 5_000, 6_000, 8_000, 10_000]
    public static let samplesMin: UInt64 = 50

    public init() {
        spin = TunedValue(initial: 10_000)
    }

    /// A window has ended.
    ///
    /// - Parameters:
    ///   - gaps: How long workers were without work, each time.
    ///   - wakeNanoseconds: What it takes to put a worker to sleep and wake it.
    public mutating func update(_ gaps: LatencyHistogram, wakeNanoseconds: UInt64, at now: MonotonicInstant) {
        guard gaps.count >= Self.samplesMin else {
            spin.decide(spin.value, .fewSamples, at: now)
            return
        }
        let allowed = Self.candidates.prefix { $0 <= max(wakeNanoseconds, Self.candidates[0]) }
        var best = (spin: allowed[0], cost: Double.infinity)
        for spin in allowed {
            var cost = 0.0
            gaps.forEachBucket { _, gap, count in
                cost += Double(gap <= spin ? gap : spin + wakeNanoseconds) * Double(count)
            }
            // Of equals the shortest: it burns less.
            if cost < best.cost { best = (spin, cost) }
        }
        let isEnd = best.spin == allowed.last && allowed.count < Self.candidates.count
        spin.decide(best.spin, isEnd ? .bounded : .cheapest, at: now)
    }

    /// Sets the time by hand until ``unpin()``.
    public mutating func pin(_ duration: Duration) { spin.pin(duration.wholeNanoseconds) }

    /// Lets the measurements decide again.
    public mutating func unpin() { spin.unpin() }

    public var settings: [SettingDescription] { [spin.described(as: "spinNanoseconds")] }
}
