public import GyreCore

/// When tasks that came one by one are sent to a model together.
///
/// A batch goes as soon as it is full, when its first member has waited long enough, or when a member's deadline leaves
/// no more time to wait. Without `within` nothing waits: what is there goes, as in Triton (`batcher.md`: no delay by
/// default, the largest batch available).
///
/// How full is full is learned where a latency goal is set: ``BatchController``.
public struct BatchPolicy: DescribedPolicy {
    /// Members of a batch at most.
    public let max: Setting<Int>
    /// How long the first member waits for others at most.
    public let within: Setting<Duration>
    /// What 99 % of the batches may take, from start to end; `nil` for batches as large as `max`.
    public let goal: Setting<Duration?>

    let withinNanoseconds: UInt64

    /// - Parameters:
    ///   - max: 1 to 2^20.
    ///   - within: Zero by default.
    ///   - goal: Positive; none by default.
    /// - Throws: `ConfigurationError` naming the field that is out of range.
    public init(max: Int, within: Duration? = nil, goal: Duration? = nil) throws(ConfigurationError) {
        self.max = try Setting(max, from: .user).checked("max", in: 1...(1 << 20))
        self.within = try Setting(within, default: .zero).checked("within", in: .zero...PolicyTime.longest)
        if let goal {
            _ = try Setting(goal, from: .user).checked("goal", in: .nanoseconds(1)...PolicyTime.longest)
        }
        self.goal = Setting(goal, from: goal == nil ? .default : .user)
        withinNanoseconds = self.within.nanoseconds
    }

    public enum Verdict: Sendable, Hashable {
        case send(Reason)
        /// Wait for more members, until this instant at the latest.
        case wait(until: MonotonicInstant)
    }

    /// Why a batch goes.
    public enum Reason: String, Sendable, Hashable {
        case full
        /// The first member has waited for `within`.
        case waited
        /// A member could not end before its deadline if it waited longer.
        case deadline
    }

    /// What a batch with these members does.
    ///
    /// Everything follows from the members: there is no count beside them that could drift from the truth, as one did
    /// in triton-inference-server/server issues/8870.
    ///
    /// - Parameters:
    ///   - size: How full is full; see ``BatchController/size``.
    ///   - expectedNanoseconds: What a batch takes, from start to end.
    /// - Precondition: There is a member.
    /// - Complexity: O(members).
    public func decide(
        _ members: some Collection<BatchMember<some Sendable>>, size: Int, expectedNanoseconds: UInt64,
        at now: MonotonicInstant
    ) -> Verdict {
        guard let first = members.first else { preconditionFailure("a batch without members") }
        guard members.count < Swift.min(size, max.value) else { return .send(.full) }
        var waited = first.arrival.nanoseconds
        var latestStart = UInt64.max
        for member in members {
            waited = Swift.min(waited, member.arrival.nanoseconds)
            guard member.deadline != .distantFuture else { continue }
            let start = member.deadline.nanoseconds - Swift.min(member.deadline.nanoseconds, expectedNanoseconds)
            latestStart = Swift.min(latestStart, start)
        }
        waited = waited.addingSaturating(withinNanoseconds)
        if waited <= now.nanoseconds { return .send(.waited) }
        if latestStart <= now.nanoseconds { return .send(.deadline) }
        return .wait(until: MonotonicInstant(nanoseconds: Swift.min(waited, latestStart)))
    }

    public var settings: [SettingDescription] {
        [max.described(as: "max"), within.described(as: "within"), goal.described(as: "goal")]
    }
}

/// A task that waits for a batch.
public struct BatchMember<Element: Sendable>: Sendable {
    public let element: Element
    /// Names the member within its batch, for a cancel.
    public let id: UInt64
    public let arrival: MonotonicInstant
    public let deadline: MonotonicInstant

    public init(
        _ element: Element, id: UInt64, arrival: MonotonicInstant, deadline: MonotonicInstant = .distantFuture
    ) {
        self.element = element
        self.id = id
        self.arrival = arrival
        self.deadline = deadline
    }
}
