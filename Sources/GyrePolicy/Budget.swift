/// An amount that may be spent and never comes back: money, or the tokens of a run.
///
///     reserved before the work starts  ─▶  spent, or returned, when it has ended
///
/// Amounts are whole numbers of the user's smallest unit; for money take millionths of it, so that the price of one
/// token is a number.
///
/// B1  Fail closed: what does not fit is refused before it starts. What is spent never exceeds the limit by more than
///     what ended up dearer than it was reserved for.
public struct Budget: DescribedPolicy {
    /// All that may be spent.
    public let limit: Setting<UInt64>

    public init(limit: UInt64) {
        self.limit = Setting(limit, from: .user)
    }

    public enum Verdict: Sendable, Hashable {
        case reserved
        /// Asking again helps only when something that is reserved comes back.
        case exhausted(asked: UInt64, left: UInt64)
    }

    /// Sets an amount aside. Pure: for a compare-and-swap loop.
    public func reserve(_ state: BudgetState, _ amount: UInt64) -> (state: BudgetState, verdict: Verdict) {
        let left = left(state)
        guard amount <= left else { return (state, .exhausted(asked: amount, left: left)) }
        return (BudgetState(word: state.word + amount), .reserved)
    }

    /// What was reserved turns into what it cost; 0 returns it.
    public func settle(_ state: BudgetState, reserved: UInt64, spent: UInt64) -> BudgetState {
        precondition(reserved <= state.word, "more was settled than was reserved")
        return BudgetState(word: (state.word - reserved).addingSaturating(spent))
    }

    /// What can still be reserved.
    public func left(_ state: BudgetState) -> UInt64 { limit.value - min(limit.value, state.word) }

    public var settings: [SettingDescription] { [limit.described(as: "limit")] }
}

/// What is spent or reserved.
public struct BudgetState: PackedState {
    public let word: UInt64

    public init(word: UInt64 = 0) {
        self.word = word
    }
}
