public import GyreCore

/// What to do with a task whose deadline has passed when its turn comes: not run it, because nobody waits for it.
///
/// A deadline that another machine set may be wrong, and a clock that is off by a minute would shed everything. For
/// tasks whose clock is suspect at most `share` of those seen in a period of `period` are shed, the others run late:
/// 20 % in 10 s, as in Finagle's `DeadlineFilter`. A deadline of this process is never suspect, and always kept.
public struct LateShedding: DescribedPolicy {
    public let share: Setting<Double>
    public let period: Setting<Duration>

    private let partsPerMillion: UInt64
    private let periodNanoseconds: UInt64

    /// - Parameters:
    ///   - share: 0 to 1; 0.2 by default.
    ///   - period: 1 ms to a day; 10 s by default. Periods follow each other; they do not slide.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(share: Double? = nil, period: Duration? = nil) throws(ConfigurationError) {
        self.share = try Setting(share, default: 0.2).checked("share", in: 0...1)
        self.period = try Setting(period, default: .seconds(10))
            .checked("period", in: .milliseconds(1) ... .seconds(86_400))
        partsPerMillion = UInt64((self.share.value * 1_000_000).rounded())
        periodNanoseconds = self.period.nanoseconds
    }

    public var settings: [SettingDescription] {
        [share.described(as: "share"), period.described(as: "period")]
    }

    public enum Verdict: Sendable, Hashable {
        case run
        /// Its deadline has passed, and too many were shed to believe it.
        case runLate
        case shed
    }

    /// Decides about a task whose turn has come.
    ///
    /// - Returns: The next state, and what to do. The state changes only for a task whose clock is suspect.
    /// - Complexity: O(1). No allocation.
    public func verdict(
        deadline: Deadline, isSuspect: Bool, in state: LateSheddingState, at now: MonotonicInstant
    ) -> (state: LateSheddingState, verdict: Verdict) {
        let isLate = deadline.hasPassed(at: now)
        guard isSuspect else { return (state, isLate ? .shed : .run) }
        let seen = state.seeing(period: now.nanoseconds / periodNanoseconds)
        guard isLate else { return (seen, .run) }
        guard (seen.shedCount + 1) * 1_000_000 <= partsPerMillion * seen.seenCount else { return (seen, .runLate) }
        return (seen.shedding(), .shed)
    }
}

/// What was seen and shed in the present period: | period 24 | seen 20 | shed 20 |. At a million both counts are
/// halved, what was shed rounded up.
public struct LateSheddingState: PackedState {
    public let word: UInt64

    static let periodField = WordField(shift: 40, bits: 24)
    static let seenField = WordField(shift: 20, bits: 20)
    static let shedField = WordField(shift: 0, bits: 20)

    public init(word: UInt64 = 0) {
        self.word = word
    }

    public var seenCount: UInt64 { Self.seenField(word) }
    public var shedCount: UInt64 { Self.shedField(word) }

    func seeing(period: UInt64) -> LateSheddingState {
        let fresh = Self.periodField.setting(0, period)
        guard Self.periodField(fresh) == Self.periodField(word) else {
            return LateSheddingState(word: Self.seenField.setting(fresh, 1))
        }
        guard seenCount < Self.seenField.maximum else {
            let halved = Self.seenField.setting(fresh, seenCount / 2 + 1)
            return LateSheddingState(word: Self.shedField.setting(halved, (shedCount + 1) / 2))
        }
        return LateSheddingState(word: Self.seenField.setting(word, seenCount + 1))
    }

    func shedding() -> LateSheddingState { LateSheddingState(word: word + 1) }
}
