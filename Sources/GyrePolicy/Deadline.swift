public import GyreCore

/// Which of the limits of a task ended it, or will.
public enum TimeLimit: String, Sendable, CaseIterable, BitwiseCopyable {
    /// From submit to start.
    case queue
    /// From an attempt's start to its end.
    case attempt
    /// From submit to the end, retries included.
    case total
    /// From one sign of life to the next.
    case idle
    /// The deadline of whoever waits for it.
    case parent
    /// There is none.
    case none
}

/// The instant at which something must have happened, and which limit says so.
public struct Deadline: Sendable, Hashable, BitwiseCopyable, Comparable {
    public let instant: MonotonicInstant
    public let limit: TimeLimit

    public init(_ instant: MonotonicInstant, by limit: TimeLimit) {
        self.instant = instant
        self.limit = limit
    }

    /// It never comes.
    public static let never = Deadline(.distantFuture, by: .none)

    /// What is left of it; 0 when it has passed, `nil` when it never comes.
    public func remaining(at now: MonotonicInstant) -> Duration? {
        instant == .distantFuture ? nil : .nanoseconds(Int64(clamping: instant.nanoseconds(since: now)))
    }

    public func hasPassed(at now: MonotonicInstant) -> Bool { now >= instant && instant != .distantFuture }

    public static func < (left: Deadline, right: Deadline) -> Bool { left.instant < right.instant }
}

/// The four limits of a task (after Temporal's): `queue`, `attempt`, `total`, `idle`.
///
/// The deadline is an absolute instant, derived once and inherited; a child's is the earlier of its own and its
/// parent's (``total(from:parent:)``), so that nothing runs for somebody who has given up. None of the four has a
/// default: how long work may take is the work's, and a task without limits is bounded by its parent's deadline and
/// the drain.
public struct Timeouts: DescribedPolicy {
    public let queue: Setting<Duration?>
    public let attempt: Setting<Duration?>
    public let total: Setting<Duration?>
    public let idle: Setting<Duration?>
    /// Whether attempts end earlier than ``attempt`` when nearly all of them are faster.
    public let learnsAttempt: Setting<Bool>

    // A Duration has 128 bits, and to make nanoseconds of it is a division. These are on the way of every task.
    private let queueNanoseconds: UInt64?
    private let attemptNanoseconds: UInt64?
    private let totalNanoseconds: UInt64?
    private let idleNanoseconds: UInt64?

    /// - Parameter learnsAttempt: See ``attemptLimit(slowestNanoseconds:)``. False by default.
    /// - Throws: `ConfigurationError` for a limit that is not longer than 0, and for an attempt that may be longer
    ///   than all attempts together.
    public init(
        queue: Duration? = nil, attempt: Duration? = nil, total: Duration? = nil, idle: Duration? = nil,
        learnsAttempt: Bool? = nil
    ) throws(ConfigurationError) {
        self.queue = try Self.checked("queue", queue)
        self.attempt = try Self.checked("attempt", attempt)
        self.total = try Self.checked("total", total)
        self.idle = try Self.checked("idle", idle)
        self.learnsAttempt = Setting(learnsAttempt, default: false)
        queueNanoseconds = queue?.wholeNanoseconds
        attemptNanoseconds = attempt?.wholeNanoseconds
        totalNanoseconds = total?.wholeNanoseconds
        idleNanoseconds = idle?.wholeNanoseconds
        if let attempt, let total, attempt > total {
            throw ConfigurationError(
                field: "attempt",
                reason:
                    "\(SettingDescription.text(attempt)) is longer than the \(SettingDescription.text(total)) that all "
                    + "attempts have together")
        }
    }

    private static func checked(
        _ field: String, _ chosen: Duration?
    ) throws(ConfigurationError) -> Setting<Duration?> {
        if let chosen, chosen <= .zero {
            throw ConfigurationError(
                field: field, reason: "\(SettingDescription.text(chosen)) is no time; leave it out for no limit")
        }
        return Setting(chosen, from: chosen == nil ? .default : .user)
    }

    public var settings: [SettingDescription] {
        [
            queue.described(as: "queue"), attempt.described(as: "attempt"), total.described(as: "total"),
            idle.described(as: "idle"), learnsAttempt.described(as: "learnsAttempt"),
        ]
    }

    // MARK: - Deriving

    /// When a task must have ended: its own total, or its parent's deadline when that is earlier.
    public func total(from submitted: MonotonicInstant, parent: MonotonicInstant = .distantFuture) -> Deadline {
        let inherited = parent == .distantFuture ? Deadline.never : Deadline(parent, by: .parent)
        return earlier(submitted, totalNanoseconds, .total, within: inherited)
    }

    /// When a task must have started.
    public func queue(from submitted: MonotonicInstant, within total: Deadline) -> Deadline {
        earlier(submitted, queueNanoseconds, .queue, within: total)
    }

    /// When an attempt must have ended.
    ///
    /// - Parameter slowestNanoseconds: As in ``attemptLimit(slowestNanoseconds:)``.
    public func attempt(
        from started: MonotonicInstant, within total: Deadline, slowestNanoseconds: UInt64? = nil
    ) -> Deadline {
        let limit = learned(slowestNanoseconds) ?? attemptNanoseconds
        return earlier(started, limit, .attempt, within: total)
    }

    /// When an attempt must have shown its next sign of life: output, progress, a heartbeat.
    public func idle(from lastSign: MonotonicInstant, within attempt: Deadline) -> Deadline {
        earlier(lastSign, idleNanoseconds, .idle, within: attempt)
    }

    /// The attempt's limit, learned where that is on: one and a half times what 99.9 % of the attempts of the last
    /// window took, at least 1 ms and at most the user's. One attempt in a thousand, at most, ends that would have gone
    /// on.
    ///
    /// - Parameter slowestNanoseconds: The 99.9th percentile; `nil` as long as nobody knows.
    public func attemptLimit(slowestNanoseconds: UInt64?) -> Setting<Duration?> {
        guard let learned = learned(slowestNanoseconds) else { return attempt }
        return Setting(.nanoseconds(Int64(clamping: learned)), from: .learned)
    }

    /// The learned limit in nanoseconds; `nil` where none was learned or the user's is shorter.
    private func learned(_ slowestNanoseconds: UInt64?) -> UInt64? {
        guard learnsAttempt.value, let slowest = slowestNanoseconds else { return nil }
        let learned = max(1_000_000, slowest.addingSaturating(slowest / 2))
        if let own = attemptNanoseconds, own <= learned { return nil }
        return learned
    }

    private func earlier(
        _ start: MonotonicInstant, _ limit: UInt64?, _ name: TimeLimit, within outer: Deadline
    ) -> Deadline {
        guard let limit else { return outer }
        let own = MonotonicInstant(nanoseconds: start.nanoseconds.addingSaturating(limit))
        return own < outer.instant ? Deadline(own, by: name) : outer
    }
}
