public import GyreCore

/// Whether there is a further attempt after one that failed, and when.
///
/// Rules that no setting and no closure can change:
///
/// 1. Cancelled work is not tried again.
/// 2. An attempt that could not end before the deadline is not started: the error at hand is the outcome, at once.
/// 3. Neither a snooze nor an interruption by shutdown counts as an attempt.
/// 4. A server's Retry-After is a floor, never a suggestion.
public struct RetryPolicy: DescribedPolicy {
    /// Attempts that may count, the first included. 1 means no retry.
    public let attemptsMax: Setting<Int>
    public let backoff: Backoff
    /// The longest Retry-After that is waited for. What asks for more fails with the error that asked.
    public let retryAfterMax: Setting<Duration>

    private let retryAfterMaxNanoseconds: UInt64

    /// - Parameters:
    ///   - attemptsMax: 1 to 65,535; 3 by default.
    ///   - retryAfterMax: At most 30 days; an hour by default. Without a bound one strange answer would hold a task for
    ///     as long as a server likes.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(
        attemptsMax: Int? = nil, backoff: Backoff? = nil, retryAfterMax: Duration? = nil
    ) throws(ConfigurationError) {
        self.attemptsMax = try Setting(attemptsMax, default: 3)
            .checked("attemptsMax", in: 1...Int(RetryState.attemptsField.maximum))
        if let backoff { self.backoff = backoff } else { self.backoff = try Backoff() }
        self.retryAfterMax = try Setting(retryAfterMax, default: .seconds(3_600))
            .checked("retryAfterMax", in: .zero ... .seconds(30 * 86_400))
        retryAfterMaxNanoseconds = self.retryAfterMax.nanoseconds
    }

    /// Every default.
    public static let standard: RetryPolicy = {
        do {
            return try RetryPolicy()
        } catch {
            preconditionFailure("the defaults are in range: \(error)")
        }
    }()

    public var settings: [SettingDescription] {
        [attemptsMax.described(as: "attemptsMax")] + backoff.settings
            + [retryAfterMax.described(as: "retryAfterMax")]
    }

    /// What follows after a failed attempt.
    ///
    /// - Parameter draw: 64 random bits.
    /// - Returns: The state for the next attempt, and what to do.
    /// - Complexity: O(1). No allocation.
    public func verdict(
        after failed: FailedAttempt, in state: RetryState, draw: UInt64
    ) -> (state: RetryState, verdict: RetryVerdict) {
        switch failed.errorClass {
        case .cancelled: return (state, .stop(.cancelled))
        case .interrupted: return (state, .interrupted)
        default: break
        }
        switch failed.decision ?? failed.errorClass.decision {
        case .fail: return (state.counted(), .stop(.failed))
        case .discard: return (state.counted(), .stop(.discarded))
        case .snooze(let pause):
            let until = failed.instant.advanced(by: max(pause, .zero))
            return (state, failed.window.fits(until) ? .snooze(until: until) : .stop(.deadline))
        case .retry: return retry(failed, floor: 0, state, draw)
        case .retryAfter(let floor): return retry(failed, floor: floor.wholeNanoseconds, state, draw)
        }
    }

    private func retry(
        _ failed: FailedAttempt, floor: UInt64, _ state: RetryState, _ draw: UInt64
    ) -> (RetryState, RetryVerdict) {
        let counted = state.counted()
        guard counted.attempts < attemptsMax.value else { return (counted, .stop(.attempts)) }
        guard floor <= retryAfterMaxNanoseconds else { return (counted, .stop(.retryAfter)) }
        let (wait, memory) = backoff.wait(
            before: UInt64(state.attempts), isPaced: failed.errorClass.isPaced, floor: floor, memory: state.memory,
            draw: draw)
        let due = MonotonicInstant(nanoseconds: failed.instant.nanoseconds.addingSaturating(wait))
        guard failed.window.fits(due) else { return (counted, .stop(.deadline)) }
        return (counted.remembering(memory), .retry(at: due))
    }
}

/// The time that an attempt has: until when, and how much of it the shortest attempt needs.
public struct AttemptWindow: Sendable, Hashable, BitwiseCopyable {
    /// `.distantFuture` when there is none.
    public let deadline: MonotonicInstant
    /// What an attempt takes at least, as measured or as the user knows it. 0 when nobody knows.
    public let shortestNanoseconds: UInt64

    public init(deadline: MonotonicInstant = .distantFuture, shortest: Duration = .zero) {
        self.deadline = deadline
        shortestNanoseconds = shortest.wholeNanoseconds
    }

    /// Whether an attempt that starts at `start` may be able to end before the deadline. To be asked again when it
    /// really starts: whoever slept may have slept longer.
    public func fits(_ start: MonotonicInstant) -> Bool {
        if deadline == .distantFuture { return true }
        return start.nanoseconds.addingSaturating(shortestNanoseconds) < deadline.nanoseconds
    }
}

/// An attempt that has just failed.
public struct FailedAttempt: Sendable, Hashable {
    public let errorClass: ErrorClass
    /// What the user's own closure said; `nil` leaves it to the class.
    public let decision: RetryDecision?
    /// Now.
    public let instant: MonotonicInstant
    /// What the next attempt would have.
    public let window: AttemptWindow

    public init(
        _ errorClass: ErrorClass, decision: RetryDecision? = nil, at instant: MonotonicInstant,
        window: AttemptWindow = AttemptWindow()
    ) {
        self.errorClass = errorClass
        self.decision = decision
        self.instant = instant
        self.window = window
    }
}

/// What to do after a failed attempt.
public enum RetryVerdict: Sendable, Hashable {
    /// Start another attempt at this instant.
    case retry(at: MonotonicInstant)
    /// Run again at this instant; nothing was counted.
    case snooze(until: MonotonicInstant)
    /// Leave the task as it was before the attempt, to be taken up by whoever comes after the shutdown.
    case interrupted
    /// The last error of the work is the outcome (``ErrorClass/isOfWork``).
    case stop(RetryStop)
}

/// Why there is no further attempt.
public enum RetryStop: String, Sendable, CaseIterable {
    /// The decision was to fail.
    case failed
    /// The decision was to discard.
    case discarded
    case cancelled
    /// As many attempts as there may be have counted.
    case attempts
    /// Another attempt could not end before the deadline.
    case deadline
    /// The server asked for a longer pause than the policy waits for.
    case retryAfter
    /// The retry budget of the dependency is spent.
    case budget
}

/// How many attempts of a task have counted, and what its backoff remembers.
public struct RetryState: PackedState {
    public let word: UInt64

    static let attemptsField = WordField(shift: 48, bits: 16)
    static let memoryField = WordField(shift: 0, bits: 48)

    public init(word: UInt64 = 0) {
        self.word = word
    }

    /// The state after so many attempts, for whoever keeps the count and nothing else. The decorrelated jitters then
    /// begin anew with each wait.
    public init(attempts: Int) {
        self.init(word: Self.attemptsField.setting(0, UInt64(clamping: attempts)))
    }

    /// Attempts that have ended and count. Stays at 65,535 once it got there.
    public var attempts: Int { Int(Self.attemptsField(word)) }

    var memory: Backoff.Memory { Self.memoryField(word) }

    func counted() -> RetryState {
        let field = Self.attemptsField
        return RetryState(word: field.setting(word, min(field(word) + 1, field.maximum)))
    }

    func remembering(_ memory: Backoff.Memory) -> RetryState {
        RetryState(word: Self.memoryField.setting(word, memory))
    }
}

extension ErrorClass {
    /// Whether attempts after it keep a distance (equal jitter).
    var isPaced: Bool {
        switch self {
        case .throttled, .overloaded: return true
        default: return false
        }
    }
}
