/// What an error says about the service and about trying again. Policies look at classes, never at errors.
public enum ErrorClass: Sendable, Hashable {
    /// It may not happen again: a broken connection, an answer of the 500 kind.
    case transient
    /// The attempt used up its time.
    case timedOut
    /// The service has more than it can do, and says so without a number: 503.
    case overloaded
    /// The service wants less from this caller: 429, or 503 with Retry-After. It is healthy.
    case throttled(retryAfter: Duration?)
    /// It would happen again: what was asked for is wrong. The service is healthy.
    case permanent
    /// A policy of this side refused, and the service was not asked.
    case rejected(retryAfter: Duration?)
    /// The money or the tokens of a run are spent.
    case budgetExhausted
    /// Somebody does not want the result any more.
    case cancelled
    /// This side shuts down. The work may be taken up again later.
    case interrupted

    /// What happens after such an error unless the user's own closure says something else.
    public var decision: RetryDecision {
        switch self {
        case .transient, .timedOut, .overloaded, .throttled(nil): return .retry
        case .throttled(let retryAfter?): return .retryAfter(retryAfter)
        case .permanent, .rejected, .budgetExhausted, .cancelled, .interrupted: return .fail
        }
    }

    /// Whether the work itself ended so. Of several attempts the last such error is the one to report: that time ran
    /// out or that a policy refused says less than what made the further attempt necessary.
    public var isOfWork: Bool {
        switch self {
        case .transient, .timedOut, .overloaded, .throttled, .permanent: return true
        case .rejected, .budgetExhausted, .cancelled, .interrupted: return false
        }
    }
}

/// An error that knows its class.
public protocol ClassifiedError: Error {
    var errorClass: ErrorClass { get }
}

extension ErrorClass {
    /// The class of an error: its own word, `cancelled` for a `CancellationError`, else `transient`, because most
    /// errors that a service throws are (Polly and Temporal retry what they do not know, too).
    public init(of error: any Error) {
        if let classified = error as? any ClassifiedError {
            self = classified.errorClass
        } else if error is CancellationError {
            self = .cancelled
        } else {
            self = .transient
        }
    }
}

/// What to do after an attempt that failed.
public enum RetryDecision: Sendable, Hashable {
    /// Try again after the backoff.
    case retry
    /// Try again after the backoff, and not earlier than this.
    case retryAfter(Duration)
    /// Run again after this time; the attempt does not count. For work that finds that it is too early.
    case snooze(Duration)
    /// The error is the outcome.
    case fail
    /// The error is the outcome, and nobody will want to see the work again: no dead letter.
    case discard
}

/// The user's own word about an error. `attempts` is how many have counted, this one included.
public typealias RetryClassifier = @Sendable (_ error: any Error, _ attempts: Int) -> RetryDecision
