public import GyreCore
public import GyrePolicy

/// A call of a dependency that was given up after its work had failed: what is left when its caller has the error.
///
/// It is there to be looked at, and cannot be redriven or parked as a ``DeadLetter`` can. The work of a call is a
/// closure of a caller who waits for it, has been thrown the error, and goes on: doing the work behind his back, or
/// not ending his call until somebody does, would be a surprise in each case. What must not be lost is a job, whose
/// handler has a name and whose input is bytes: ``TaskHandler`` with `onExhausted: .park`.
public struct DeadCall: Sendable {
    /// Why there was no further attempt. `attempts` where there is no retry policy.
    public let reason: RetryStop
    /// Attempts that have counted.
    public let attempts: Int
    /// When the call came.
    public let arrived: MonotonicInstant
    /// When its last attempt had ended.
    public let died: MonotonicInstant
    /// What its caller was thrown, or its fallbacks were told.
    public let error: any Error
    public let errorClass: ErrorClass
    public let tenant: UInt64
    public let priority: PriorityClass
    public let cost: UInt64
}

extension Dependency {
    /// Dead letters that are kept where nobody says how many.
    public static let lettersMaxDefault = 64

    /// The latest calls that were given up after their work had failed, the oldest first. Bounded: the oldest goes when
    /// one is too many, and is counted in ``deadLettersDropped``.
    ///
    /// Not among them are calls that a policy refused before their work was tried, calls that were cancelled or ended
    /// with the runtime, and those whose error was to be discarded.
    ///
    /// ```swift
    /// for letter in stock.deadLetters where letter.reason == .attempts { print(letter.died, letter.error) }
    /// ```
    ///
    /// - Complexity: O(letters). Keeping one takes a short lock, at the end of a call that has failed.
    /// - Concurrency: Any thread.
    public var deadLetters: [DeadCall] { letters.withLock { $0.all } }

    /// Letters that had to go because others came.
    public var deadLettersDropped: UInt64 { letters.withLock { $0.dropped } }

    /// There is no attempt after `error`: keeps a letter, if the work was tried and somebody may want to know.
    ///
    /// - Parameter stop: `nil` where there is no retry policy to ask.
    func giveUp(
        _ error: any Error, _ stop: RetryStop?, _ decision: RetryDecision, _ pass: CallPass, _ options: CallOptions,
        at now: MonotonicInstant
    ) {
        guard let cause = pass.workError else { return }
        let reason: RetryStop
        if let stop {
            reason = stop
        } else {
            switch decision {
            case .fail: reason = .failed
            case .discard: reason = .discarded
            case .retry, .retryAfter, .snooze: reason = .attempts
            }
        }
        guard reason != .discarded, reason != .cancelled else { return }
        let letter = DeadCall(
            reason: reason, attempts: max(1, pass.retry.attempts), arrived: pass.arrived, died: now, error: error,
            errorClass: errorClass(of: cause), tenant: options.tenant, priority: options.priority, cost: options.cost)
        letters.withLock { _ = $0.add(letter) }
    }
}
