public import GyreCore

/// A budget with a memory: each piece of work is charged once, however often it is tried.
///
/// The scope (a run, a tenant) is whatever holds the ledger. Retries and hedges of one piece of work come under one
/// idempotency key: the first attempt reserves, the others find the reservation, and the first charge settles it; what
/// arrives later is charged already.
///
/// A plain value: whoever shares it holds a lock for the length of a call.
///
/// - Complexity: O(1) expected for every call. At most `keysMax` keys: the charged ones are forgotten oldest first,
///   those that are reserved never.
public struct BudgetLedger: Sendable {
    public let budget: Budget
    /// Keys that are remembered.
    public let keysMax: Int
    public private(set) var state = BudgetState()
    /// Sum of all charges.
    public private(set) var spent: UInt64 = 0

    private enum Entry: Sendable {
        case reserved(UInt64)
        case charged
    }

    private var entries: [UInt64: Entry] = [:]
    /// Charged keys in the order of their charges, as a ring.
    private var charged: [UInt64] = []
    private var oldestCharged = 0
    private var chargedCount = 0

    /// - Parameter keysMax: 1 to 2^24; 65,536 by default. A key that comes back after as many others were charged is
    ///   taken for new work.
    /// - Throws: `ConfigurationError` when `keysMax` is out of range.
    public init(_ budget: Budget, keysMax: Int? = nil) throws(ConfigurationError) {
        self.budget = budget
        self.keysMax = try Setting(keysMax, default: 65_536).checked("keysMax", in: 1...(1 << 24)).value
    }

    public enum Verdict: Sendable, Hashable {
        /// The amount is set aside under this key, now or by an earlier attempt.
        case reserved
        /// An earlier attempt has been charged: this one costs nothing more.
        case alreadyCharged
        case exhausted(asked: UInt64, left: UInt64)
        /// All keys have open reservations. Refused, because a charge could not be told from its repetition.
        case tooManyKeys(keysMax: Int)
    }

    /// What can still be reserved.
    public var left: UInt64 { budget.left(state) }

    /// Sets `amount` aside for the work named `key` before it starts. Asked again with a larger amount, the difference
    /// is set aside too.
    public mutating func reserve(_ amount: UInt64, key: UInt64) -> Verdict {
        var held: UInt64 = 0
        switch entries[key] {
        case .charged: return .alreadyCharged
        case .reserved(let amount): held = amount
        case nil:
            guard entries.count < keysMax || chargedCount > 0 else { return .tooManyKeys(keysMax: keysMax) }
        }
        guard amount > held || entries[key] == nil else { return .reserved }
        let answer = budget.reserve(state, amount - held)
        if case .exhausted(let asked, let left) = answer.verdict { return .exhausted(asked: asked, left: left) }
        if entries[key] == nil, entries.count == keysMax { forgetOldest() }
        state = answer.state
        entries[key] = .reserved(amount)
        return .reserved
    }

    /// The work has been done and cost `amount`. The first charge of a key counts; `false` for a repetition and for a
    /// key that reserved nothing, which change nothing.
    @discardableResult
    public mutating func charge(_ amount: UInt64, key: UInt64) -> Bool {
        guard case .reserved(let held) = entries[key] else { return false }
        state = budget.settle(state, reserved: held, spent: amount)
        spent = spent.addingSaturating(amount)
        entries[key] = .charged
        remember(key)
        return true
    }

    /// The work will not be done: what was set aside comes back. `false` when nothing was.
    @discardableResult
    public mutating func release(key: UInt64) -> Bool {
        guard case .reserved(let held) = entries[key] else { return false }
        state = budget.settle(state, reserved: held, spent: 0)
        entries[key] = nil
        return true
    }

    private mutating func remember(_ key: UInt64) {
        let end = (oldestCharged + chargedCount) % keysMax
        if end == charged.count { charged.append(key) } else { charged[end] = key }
        chargedCount += 1
    }

    private mutating func forgetOldest() {
        entries[charged[oldestCharged]] = nil
        oldestCharged = (oldestCharged + 1) % keysMax
        chargedCount -= 1
    }
}
