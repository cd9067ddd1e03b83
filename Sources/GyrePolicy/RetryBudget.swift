public import GyreCore

/// How many extra attempts a dependency may have under way: retries and hedges, together.
///
/// Retries turn a service's bad minute into an outage when every caller makes them. So they are a share of the work
/// that is there: of `active` tasks at most `share` may be retried at one time, and never fewer than `floor`, or a
/// quiet client could retry nothing. Hedges take from the same share, may be `hedgeShare` of the work, and have no
/// floor: a quiet client's hedges would be many for what it does.
///
/// The concurrency form of Envoy (`circuit_breaker.proto`, `retry_budget`: 20 %, at least 3) and failsafe-go
/// (`budget.New`). No floor for hedges is Finagle's rule (`BackupRequestFilter.newRetryBudget`).
///
/// A permit is held from the decision to its attempt's end, the backoff included: those who wait for their turn will be
/// load soon.
public struct RetryBudget: DescribedPolicy {
    public let share: Setting<Double>
    public let floor: Setting<Int>
    public let hedgeShare: Setting<Double>

    private let sharePartsPerMillion: UInt64
    private let hedgePartsPerMillion: UInt64

    /// - Parameters:
    ///   - share: 0 to 1, of the active tasks; 0.2 by default.
    ///   - floor: Retries that are always allowed. 0 to 1,000; 3 by default.
    ///   - hedgeShare: 0 to 1, of the active tasks; 0.05 by default.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(share: Double? = nil, floor: Int? = nil, hedgeShare: Double? = nil) throws(ConfigurationError) {
        self.share = try Setting(share, default: 0.2).checked("share", in: 0...1)
        self.floor = try Setting(floor, default: 3).checked("floor", in: 0...1_000)
        self.hedgeShare = try Setting(hedgeShare, default: 0.05).checked("hedgeShare", in: 0...1)
        sharePartsPerMillion = UInt64((self.share.value * 1_000_000).rounded())
        hedgePartsPerMillion = UInt64((self.hedgeShare.value * 1_000_000).rounded())
    }

    public var settings: [SettingDescription] {
        [share.described(as: "share"), floor.described(as: "floor"), hedgeShare.described(as: "hedgeShare")]
    }

    /// The state with one more retry under way, or `nil` when the budget has no room for it.
    public func retrying(_ state: RetryBudgetState) -> RetryBudgetState? {
        let room = max(UInt64(floor.value), sharePartsPerMillion * state.activeCount / 1_000_000)
        guard state.extraCount < room else { return nil }
        return state.adding(RetryBudgetState.retries)
    }

    /// The state with one more hedge under way, or `nil` when the budget has no room for it.
    public func hedging(_ state: RetryBudgetState) -> RetryBudgetState? {
        guard state.extraCount < sharePartsPerMillion * state.activeCount / 1_000_000 else { return nil }
        guard state.hedgeCount < hedgePartsPerMillion * state.activeCount / 1_000_000 else { return nil }
        return state.adding(RetryBudgetState.hedges)
    }
}

/// Tasks, retries and hedges of one dependency that are under way.
///
/// A count that would leave its range stops the process: somebody ended what was not begun, and every later answer
/// would be wrong.
public struct RetryBudgetState: PackedState {
    public let word: UInt64

    static let active = WordField(shift: 36, bits: 28)
    static let retries = WordField(shift: 18, bits: 18)
    static let hedges = WordField(shift: 0, bits: 18)

    public init(word: UInt64 = 0) {
        self.word = word
    }

    /// Tasks that were admitted and are not settled. At most 2^28 - 1, more than records fit in memory.
    public var activeCount: UInt64 { Self.active(word) }
    /// At most 262,143, whatever the share.
    public var retryCount: UInt64 { Self.retries(word) }
    /// At most 262,143, whatever the share.
    public var hedgeCount: UInt64 { Self.hedges(word) }

    var extraCount: UInt64 { retryCount + hedgeCount }

    /// One more task.
    public func beginning() -> RetryBudgetState {
        guard let next = adding(Self.active) else { preconditionFailure("2^28 tasks of one dependency") }
        return next
    }

    /// One task fewer.
    public func ending() -> RetryBudgetState { removing(Self.active) }

    /// One retry fewer: its attempt has ended, or will not be made.
    public func endingRetry() -> RetryBudgetState { removing(Self.retries) }

    /// One hedge fewer.
    public func endingHedge() -> RetryBudgetState { removing(Self.hedges) }

    func adding(_ field: WordField) -> RetryBudgetState? {
        guard field(word) < field.maximum else { return nil }
        return RetryBudgetState(word: word + (1 << field.shift))
    }

    private func removing(_ field: WordField) -> RetryBudgetState {
        precondition(field(word) > 0, "ended more often than begun")
        return RetryBudgetState(word: word - (1 << field.shift))
    }
}
