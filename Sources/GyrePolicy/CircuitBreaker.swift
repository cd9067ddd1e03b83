public import GyreCore

/// Stops calls to a service that fails, and finds out by a few when it is well again.
///
/// Defaults: a window of ten slots of a second; it opens when 20 calls or more are in the window and half of them
/// failed, or were slow where a slow call is defined. It stays open for 5 to 10 s, doubled each time it opens again
/// without having been closed, at most 300 s (equal jitter, as Finagle's failure accrual does: breakers that opened
/// together must not come back together). Then 3 probes; two good ones close it.
///
/// What other breakers learnt the hard way (resilience4j issues 903, 935, 1090, 1432, 2172):
///
/// 1. A probe's permit is a lease that ends with its attempt's deadline. A call that never reports counts as bad, and
///    cannot keep the breaker half-open.
/// 2. Results of an older generation are ignored: a call from before the breaker opened says nothing about now.
/// 3. A cancelled call gives its lease back and counts as nothing.
/// 4. Throttling counts as nothing either: a service that answers 429 is well, and its limiter is who must hear of it.
/// 5. A good result never opens the breaker, even if it is the one that fills the window.
///
/// All of it are pure functions on words. A caller that shares a breaker between threads needs one exchange for a state
/// that changes and none for one that does not: while closed, admission is one load.
public struct CircuitBreaker: DescribedPolicy {
    /// When a call is slow.
    public enum SlowCall: Sendable, Hashable, CustomStringConvertible {
        case never
        case over(Duration)
        /// Longer than this many times the usual: the 95th percentile of the baseline, which the caller measures.
        case overBaseline(times: Double)

        public var description: String {
            switch self {
            case .never: return "never"
            case .over(let limit): return "over \(SettingDescription.text(limit))"
            case .overBaseline(let times): return "over \(times) times the baseline"
            }
        }
    }

    public let window: Setting<Duration>
    public let callsMin: Setting<Int>
    public let failureShare: Setting<Double>
    public let slowShare: Setting<Double>
    public let slowCall: Setting<SlowCall>
    public let openMin: Setting<Duration>
    public let openMax: Setting<Duration>
    public let probes: Setting<Int>
    public let goodProbes: Setting<Int>
    public let probeMax: Setting<Duration>

    /// The length of a slot of the window.
    public let nanosecondsPerSlot: UInt64

    private let failurePartsPerMillion: UInt64
    private let slowPartsPerMillion: UInt64
    private let openMinNanoseconds: UInt64
    private let openMaxNanoseconds: UInt64
    private let probeMaxNanoseconds: UInt64
    private let slowNanoseconds: UInt64

    /// A day: no lease is longer, so no half-open breaker waits longer.
    private static let leaseMaxNanoseconds: UInt64 = 86_400_000_000_000

    /// - Parameters:
    ///   - window: 10 ms to an hour; 10 s by default. Counted in ten slots.
    ///   - callsMin: 1 to 8,000; 20 by default. Fewer calls in the window never open the breaker.
    ///   - failureShare: More than 0 to 1; 0.5 by default.
    ///   - slowShare: More than 0 to 1; 0.5 by default.
    ///   - slowCall: `.never` by default.
    ///   - openMin: The shortest time that it stays open. 2 ms to an hour; 5 s by default.
    ///   - openMax: The longest. `openMin` to a day; 300 s by default, or `openMin` when that is more.
    ///   - probes: How many calls decide when it is half-open. 1 to 15; 3 by default.
    ///   - goodProbes: How many of them must be good. 1 to `probes`; two thirds by default.
    ///   - probeMax: The lease of a probe without a deadline. 2 ms to a day; 300 s by default, because a call that
    ///     takes longer than its lease is a bad probe.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(
        window: Duration? = nil, callsMin: Int? = nil, failureShare: Double? = nil, slowShare: Double? = nil,
        slowCall: SlowCall? = nil, openMin: Duration? = nil, openMax: Duration? = nil, probes: Int? = nil,
        goodProbes: Int? = nil, probeMax: Duration? = nil
    ) throws(ConfigurationError) {
        let day = Duration.seconds(86_400), hour = Duration.seconds(3_600), shortest = Duration.milliseconds(2)
        let partMin = 0.000_001
        self.window = try Setting(window, default: .seconds(10)).checked("window", in: .milliseconds(10)...hour)
        self.callsMin = try Setting(callsMin, default: 20).checked("callsMin", in: 1...8_000)
        self.failureShare = try Setting(failureShare, default: 0.5).checked("failureShare", in: partMin...1)
        self.slowShare = try Setting(slowShare, default: 0.5).checked("slowShare", in: partMin...1)
        self.slowCall = Setting(slowCall, default: .never)
        let chosenMin = try Setting(openMin, default: .seconds(5)).checked("openMin", in: shortest...hour)
        self.openMin = chosenMin
        self.openMax = try Setting(openMax, default: max(.seconds(300), chosenMin.value))
            .checked("openMax", in: chosenMin.value...day)
        let chosenProbes = try Setting(probes, default: 3).checked("probes", in: 1...15)
        self.probes = chosenProbes
        self.goodProbes = try Setting(goodProbes, default: (2 * chosenProbes.value + 2) / 3)
            .checked("goodProbes", in: 1...chosenProbes.value)
        self.probeMax = try Setting(probeMax, default: .seconds(300)).checked("probeMax", in: shortest...day)
        nanosecondsPerSlot = self.window.nanoseconds / BreakerWindow.slotCount
        failurePartsPerMillion = UInt64((self.failureShare.value * 1_000_000).rounded())
        slowPartsPerMillion = UInt64((self.slowShare.value * 1_000_000).rounded())
        openMinNanoseconds = self.openMin.nanoseconds
        openMaxNanoseconds = self.openMax.nanoseconds
        probeMaxNanoseconds = self.probeMax.nanoseconds
        slowNanoseconds = try Self.slowNanoseconds(self.slowCall.value)
    }

    /// A fixed limit in nanoseconds.
    private static func slowNanoseconds(_ slowCall: SlowCall) throws(ConfigurationError) -> UInt64 {
        switch slowCall {
        case .never: return .max
        case .over(let limit) where limit > .zero: return limit.wholeNanoseconds
        case .overBaseline(let times) where times >= 1 && times.isFinite: return .max
        case .over, .overBaseline:
            throw ConfigurationError(
                field: "slowCall", reason: "a limit must be longer than 0, and a baseline be taken 1 or more times")
        }
    }

    public var settings: [SettingDescription] {
        [
            window.described(as: "window"), callsMin.described(as: "callsMin"),
            failureShare.described(as: "failureShare"), slowShare.described(as: "slowShare"),
            slowCall.described(as: "slowCall"), openMin.described(as: "openMin"), openMax.described(as: "openMax"),
            probes.described(as: "probes"), goodProbes.described(as: "goodProbes"),
            probeMax.described(as: "probeMax"),
        ]
    }

    // MARK: - Admission

    /// Whether a call may be made.
    ///
    /// - Parameters:
    ///   - deadline: When the attempt must have ended: a probe's lease ends with it, at the latest in a day. Where
    ///     there is none, after ``probeMax``.
    ///   - draw: 64 random bits.
    /// - Returns: The next state, often the same, and the answer. The answer holds if the state was written.
    /// - Complexity: O(1). No allocation.
    public func admitting(
        _ state: BreakerState, at now: MonotonicInstant, deadline: MonotonicInstant = .distantFuture, draw: UInt64
    ) -> (state: BreakerState, verdict: BreakerVerdict) {
        switch state.mode {
        case .closed, .metricsOnly, .disabled:
            return (state, .admitted(BreakerLease(generation: state.generation, probeUntil: nil)))
        case .forcedOpen:
            return (state, .rejected(retryAt: nil))
        case .open, .halfOpen:
            let present = settled(state, at: now, draw: draw)
            guard present.mode == .halfOpen, present.probesGranted < UInt64(probes.value) else {
                return (present, .rejected(retryAt: wayOn(of: present, at: now)))
            }
            return probing(present, at: now, deadline: deadline)
        }
    }

    private func probing(
        _ state: BreakerState, at now: MonotonicInstant, deadline: MonotonicInstant
    ) -> (BreakerState, BreakerVerdict) {
        let start = now.nanoseconds
        let longest = deadline == .distantFuture ? probeMaxNanoseconds : Self.leaseMaxNanoseconds
        let latest = min(deadline.nanoseconds, start.addingSaturating(longest))
        // A lease that has ended when it is given would be nobody's.
        let end = CoarseTick(notBefore: max(latest, start.addingSaturating(1)))
        let isLast = state.probesOut == 0 || end.later(than: state.tick)
        let next = state.probes(
            out: state.probesOut + 1, good: state.probesGood, bad: state.probesBad, tick: isLast ? end : state.tick)
        return (next, .admitted(BreakerLease(generation: next.generation, probeUntil: end)))
    }

    /// How many probes may be started now. For a queue in front of a breaker: it wakes so many of those who wait, the
    /// most important first, and not all of them.
    public func probeRoom(in state: BreakerState, at now: MonotonicInstant, draw: UInt64) -> Int {
        let present = settled(state, at: now, draw: draw)
        return present.mode == .halfOpen ? max(0, probes.value - Int(present.probesGranted)) : 0
    }

    /// Where the breaker stands at an instant: what the state says, and what time has made of it since.
    public func mode(of state: BreakerState, at now: MonotonicInstant) -> BreakerMode {
        settled(state, at: now, draw: .max).mode
    }

    /// What time alone has made of a state: an open breaker whose time has passed is half-open, and leases that have
    /// ended are bad probes, from the moment on at which they ended.
    private func settled(_ state: BreakerState, at now: MonotonicInstant, draw: UInt64) -> BreakerState {
        var present = state
        if present.mode == .halfOpen {
            present = withoutLost(present, at: now, draw: draw)
        }
        if present.mode == .open, present.tick.ticksAhead(of: now, atMost: openMaxNanoseconds) == 0 {
            present = present.next(.halfOpen, level: present.level)
        }
        return present
    }

    private func withoutLost(_ state: BreakerState, at now: MonotonicInstant, draw: UInt64) -> BreakerState {
        guard state.probesOut > 0 else {
            // Decided already, unless the configuration was another when the last probe ended.
            return decided(state, at: now, draw: draw)
        }
        guard state.tick.ticksAhead(of: now, atMost: Self.leaseMaxNanoseconds) == 0 else { return state }
        // A new generation, because the lost may still report.
        let given = state.next(.halfOpen, level: state.level).probes(
            out: 0, good: state.probesGood, bad: state.probesBad + state.probesOut, tick: state.tick)
        return decided(given, at: state.tick.passed(before: now), draw: draw)
    }

    private func wayOn(of state: BreakerState, at now: MonotonicInstant) -> MonotonicInstant {
        let ahead = state.mode == .open ? openMaxNanoseconds : Self.leaseMaxNanoseconds
        let ticks = state.tick.ticksAhead(of: now, atMost: ahead)
        let start = now.nanoseconds >> CoarseTick.shift
        return MonotonicInstant(nanoseconds: (start + ticks) << CoarseTick.shift)
    }

    // MARK: - Results

    /// What a call's result is for this breaker.
    ///
    /// - Parameters:
    ///   - failure: The class of its error; `nil` when it succeeded.
    ///   - nanoseconds: How long it took.
    ///   - baselineNanoseconds: The 95th percentile of calls as they usually are; `nil` as long as nobody knows.
    public func sample(
        failure: ErrorClass?, nanoseconds: UInt64, baselineNanoseconds: UInt64? = nil
    ) -> BreakerSample {
        let hasFailed: Bool
        switch failure {
        case nil, .permanent: hasFailed = false  // it answered, and rightly
        case .transient, .timedOut, .overloaded: hasFailed = true
        case .throttled, .rejected, .budgetExhausted, .cancelled, .interrupted: return .nothing
        }
        let isSlow: Bool
        switch slowCall.value {
        case .never: isSlow = false
        case .over: isSlow = nanoseconds > slowNanoseconds
        case .overBaseline(let times):
            isSlow = baselineNanoseconds.map { Double(nanoseconds) > times * Double($0) } ?? false
        }
        return BreakerSample(hasFailed: hasFailed, isSlow: isSlow)
    }

    /// Whether the result of a call with this lease belongs into the window now.
    public func counts(_ lease: BreakerLease, in state: BreakerState) -> Bool {
        guard !lease.isProbe, UInt64(lease.generation) == state.generation else { return false }
        return state.mode == .closed || state.mode == .metricsOnly
    }

    /// The state after a call has ended. A result for the window (``counts(_:in:)``) has been counted there before.
    ///
    /// - Parameters:
    ///   - sums: What the window holds now. Only looked at when the result could open the breaker.
    ///   - draw: 64 random bits.
    /// - Returns: The next state, often the same.
    /// - Complexity: O(1). No allocation.
    public func ending(
        _ lease: BreakerLease, with sample: BreakerSample, in state: BreakerState, at now: MonotonicInstant,
        draw: UInt64, sums: () -> BreakerSums
    ) -> BreakerState {
        guard UInt64(lease.generation) == state.generation else { return state }
        if lease.isProbe { return endingProbe(lease, sample, state, now, draw) }
        guard state.mode == .closed, sample.hasFailed || sample.isSlow, isTooBad(sums()) else { return state }
        return opened(state, level: 0, at: now, draw: draw)
    }

    private func isTooBad(_ sums: BreakerSums) -> Bool {
        guard sums.calls >= UInt64(callsMin.value) else { return false }
        return sums.failed * 1_000_000 >= failurePartsPerMillion * sums.calls
            || slowCall.value != .never && sums.slow * 1_000_000 >= slowPartsPerMillion * sums.calls
    }

    private func endingProbe(
        _ lease: BreakerLease, _ sample: BreakerSample, _ state: BreakerState, _ now: MonotonicInstant, _ draw: UInt64
    ) -> BreakerState {
        guard state.mode == .halfOpen, state.probesOut > 0 else { return state }
        var good = state.probesGood, bad = state.probesBad
        let isLate = lease.end.ticksAhead(of: now, atMost: Self.leaseMaxNanoseconds) == 0
        if sample != .nothing {
            if sample == .good && !isLate { good += 1 } else { bad += 1 }
        }
        let next = state.probes(out: state.probesOut - 1, good: good, bad: bad, tick: state.tick)
        return decided(next, at: now, draw: draw)
    }

    /// Leaves a half-open breaker as it is until its probes have settled the matter.
    private func decided(_ state: BreakerState, at now: MonotonicInstant, draw: UInt64) -> BreakerState {
        if state.probesGood >= UInt64(goodProbes.value) { return state.next(.closed) }
        guard state.probesBad > UInt64(probes.value - goodProbes.value) else { return state }
        return opened(state, level: state.level + 1, at: now, draw: draw)
    }

    /// Twice `openMin` at the first level, doubled with each, at most `openMax`; of this the upper half is chance.
    private func opened(
        _ state: BreakerState, level: UInt64, at now: MonotonicInstant, draw: UInt64
    ) -> BreakerState {
        // A shift by 16 at most: an hour in nanoseconds has room for it.
        let upper = min(openMaxNanoseconds, openMinNanoseconds << (min(level, BreakerState.levelField.maximum) + 1))
        let lower = max(openMinNanoseconds, upper / 2)
        let wait = lower + draw.scaled(upTo: upper - lower)
        return state.next(
            .open, level: level, tick: CoarseTick(notBefore: now.nanoseconds.addingSaturating(wait)))
    }

    // MARK: - By hand

    /// What an operator may set.
    public enum Order: Sendable, Hashable, CaseIterable {
        /// Back to work, with an empty window.
        case close
        case forceOpen
        case disable
        case measureOnly
    }

    /// The state after an operator's word. Begins a generation: what is under way reports to nobody.
    public func obeying(_ order: Order, in state: BreakerState) -> BreakerState {
        switch order {
        case .close: return state.next(.closed)
        case .forceOpen: return state.next(.forcedOpen)
        case .disable: return state.next(.disabled)
        case .measureOnly: return state.next(.metricsOnly)
        }
    }
}
