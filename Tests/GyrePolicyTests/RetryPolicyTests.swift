import GyreCore
import GyrePolicy
import Testing

@Suite struct RetryPolicyTests {
    private let now = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    private func window(_ remaining: Duration, shortest: Duration = .zero) -> AttemptWindow {
        AttemptWindow(deadline: now + remaining, shortest: shortest)
    }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let lines = try RetryPolicy().settings
        #expect(lines.first?.description == "attemptsMax = 3 (default)")
        #expect(lines.last?.description == "retryAfterMax = 3600 s (default)")
        let own = try RetryPolicy(attemptsMax: 5, backoff: Backoff(base: .seconds(1)))
        #expect(own.settings.map(\.source) == [.user, .user, .default, .default, .default, .default])
    }

    @Test func whatIsOutOfRangeIsRefused() {
        let reason = "0 is outside 1 to 65535"
        #expect(throws: ConfigurationError(field: "attemptsMax", reason: reason)) { try RetryPolicy(attemptsMax: 0) }
        #expect(throws: ConfigurationError.self) { try RetryPolicy(attemptsMax: 65_536) }
        #expect(throws: ConfigurationError.self) { try RetryPolicy(retryAfterMax: .seconds(-1)) }
    }

    @Test func theThirdFailureIsTheLast() throws {
        let policy = try RetryPolicy()
        var state = RetryState()
        var verdicts: [RetryVerdict] = []
        for _ in 0..<3 {
            let next = policy.verdict(after: FailedAttempt(.transient, at: now), in: state, draw: .max)
            state = next.state
            verdicts.append(next.verdict)
        }
        #expect(
            verdicts == [.retry(at: now + .milliseconds(50)), .retry(at: now + .milliseconds(100)), .stop(.attempts)])
        #expect(state.attempts == 3)
    }

    @Test(arguments: [RetryDecision?.none, .retry, .retryAfter(.zero), .snooze(.zero), .fail, .discard])
    func cancelledWorkIsNotTriedAgainWhateverTheUserSays(decision: RetryDecision?) throws {
        let failed = FailedAttempt(.cancelled, decision: decision, at: now)
        #expect(try RetryPolicy().verdict(after: failed, in: RetryState(), draw: 0).verdict == .stop(.cancelled))
    }

    @Test func neitherSnoozeNorShutdownCountsAsAnAttempt() throws {
        let policy = try RetryPolicy(attemptsMax: 1)
        let snooze = FailedAttempt(.transient, decision: .snooze(.seconds(1)), at: now)
        var state = RetryState()
        for _ in 0..<10 {
            let next = policy.verdict(after: snooze, in: state, draw: 0)
            #expect(next.verdict == .snooze(until: now + .seconds(1)))
            state = next.state
        }
        let interrupted = policy.verdict(after: FailedAttempt(.interrupted, at: now), in: state, draw: 0)
        #expect(interrupted.verdict == .interrupted)
        #expect(interrupted.state.attempts == 0)
    }

    @Test func aSnoozeBeyondTheDeadlineStops() throws {
        let failed = FailedAttempt(
            .transient, decision: .snooze(.seconds(2)), at: now, window: window(.seconds(2)))
        #expect(try RetryPolicy().verdict(after: failed, in: RetryState(), draw: 0).verdict == .stop(.deadline))
    }

    /// The wait equals what remains: the retry would start when it must have ended.
    @Test func aWaitAsLongAsWhatRemainsStops() throws {
        let policy = try RetryPolicy(backoff: Backoff(jitter: Backoff.Jitter.none))
        let equal = FailedAttempt(.transient, at: now, window: window(.milliseconds(50)))
        #expect(policy.verdict(after: equal, in: RetryState(), draw: 0).verdict == .stop(.deadline))
        let longer = FailedAttempt(.transient, at: now, window: window(.nanoseconds(50_000_001)))
        #expect(policy.verdict(after: longer, in: RetryState(), draw: 0).verdict == .retry(at: now + .milliseconds(50)))
        let known = window(.milliseconds(60), shortest: .milliseconds(10))
        let tooLong = FailedAttempt(.transient, at: now, window: known)
        #expect(policy.verdict(after: tooLong, in: RetryState(), draw: 0).verdict == .stop(.deadline))
    }

    @Test func theServersWordIsAFloorUpToItsLimit() throws {
        let policy = try RetryPolicy(retryAfterMax: .seconds(60))
        let minute = FailedAttempt(.throttled(retryAfter: .seconds(60)), at: now)
        #expect(policy.verdict(after: minute, in: RetryState(), draw: 0).verdict == .retry(at: now + .seconds(60)))
        let more = FailedAttempt(.throttled(retryAfter: .seconds(61)), at: now)
        #expect(policy.verdict(after: more, in: RetryState(), draw: 0).verdict == .stop(.retryAfter))
        let past = FailedAttempt(.throttled(retryAfter: .seconds(-1)), at: now)
        #expect(policy.verdict(after: past, in: RetryState(), draw: 0).verdict == .retry(at: now + .milliseconds(25)))
    }

    @Test func classesDecideUnlessTheUserDoes() throws {
        let policy = try RetryPolicy()
        let isRetried: [(ErrorClass, Bool)] = [
            (.transient, true), (.timedOut, true), (.overloaded, true), (.throttled(retryAfter: nil), true),
            (.permanent, false), (.rejected(retryAfter: .seconds(1)), false), (.budgetExhausted, false),
        ]
        for (errorClass, expected) in isRetried {
            let verdict = policy.verdict(after: FailedAttempt(errorClass, at: now), in: RetryState(), draw: 0).verdict
            #expect((verdict != .stop(.failed)) == expected, "\(errorClass)")
        }
        let stubborn = FailedAttempt(.permanent, decision: .retry, at: now)
        #expect(policy.verdict(after: stubborn, in: RetryState(), draw: 0).verdict == .retry(at: now))
        let discarded = FailedAttempt(.transient, decision: .discard, at: now)
        #expect(policy.verdict(after: discarded, in: RetryState(), draw: 0).verdict == .stop(.discarded))
    }

    @Test func anErrorIsOfItsOwnClassOrElseTransient() {
        struct Unknown: Error {}
        struct TooMany: ClassifiedError {
            var errorClass: ErrorClass { .throttled(retryAfter: .seconds(7)) }
        }
        #expect(ErrorClass(of: Unknown()) == .transient)
        #expect(ErrorClass(of: CancellationError()) == .cancelled)
        #expect(ErrorClass(of: TooMany()) == .throttled(retryAfter: .seconds(7)))
    }

    @Test func onlyErrorsOfTheWorkAreReported() {
        #expect(ErrorClass.permanent.isOfWork && ErrorClass.throttled(retryAfter: nil).isOfWork)
        #expect(!ErrorClass.rejected(retryAfter: nil).isOfWork && !ErrorClass.cancelled.isOfWork)
    }

    @Test func attemptsStopCountingAtTheEndOfTheirField() throws {
        let policy = try RetryPolicy(attemptsMax: 65_535)
        var state = RetryState()
        for _ in 0..<65_540 {
            state = policy.verdict(after: FailedAttempt(.transient, at: now), in: state, draw: 0).state
        }
        #expect(state.attempts == 65_535)
    }

    // MARK: - For every seed

    private static let classes: [ErrorClass] = [
        .transient, .timedOut, .overloaded, .throttled(retryAfter: nil), .throttled(retryAfter: .seconds(3)),
        .permanent, .rejected(retryAfter: nil), .cancelled, .interrupted,
    ]
    private static let decisions: [RetryDecision?] = [
        nil, nil, nil, .retry, .retryAfter(.seconds(1)), .snooze(.milliseconds(70)), .fail, .discard,
    ]

    @Test func noRetryIsStartedThatCannotEndBeforeTheDeadline() {
        forSeeds { random in
            let jitter = random.pick(Backoff.Jitter.allCases)
            let policy = try RetryPolicy(
                attemptsMax: Int(random.pick(1...6)), backoff: BackoffTests.made(by: &random, jitter: jitter))
            let start = random.next() >> 1
            let deadline = start + random.pick(0...20_000_000_000)
            let shortest = random.pick(0...2_000_000_000)
            let window = AttemptWindow(
                deadline: MonotonicInstant(nanoseconds: deadline), shortest: .nanoseconds(shortest))
            var now = MonotonicInstant(nanoseconds: start)
            var state = RetryState()
            var counted = 0
            for _ in 0..<20 {
                let failed = FailedAttempt(
                    random.pick(Self.classes), decision: random.pick(Self.decisions), at: now, window: window)
                let next = policy.verdict(after: failed, in: state, draw: random.next())
                switch next.verdict {
                case .retry(let due):
                    counted += 1
                    try require(counted < policy.attemptsMax.value, "attempt \(counted + 1) of \(policy.attemptsMax)")
                    fallthrough
                case .snooze(let due):
                    try require(failed.errorClass != .cancelled, "cancelled work tried again")
                    try require(due >= now, "a retry in the past")
                    try require(due.nanoseconds + shortest < deadline, "a retry that cannot end in time")
                    if case .throttled(let floor?) = failed.errorClass, failed.decision == nil {
                        try require(due >= now + floor, "earlier than the server allowed")
                    }
                    if case .retryAfter(let floor)? = failed.decision {
                        try require(due >= now + floor, "earlier than the user allowed")
                    }
                    now = due.advanced(by: .nanoseconds(shortest))
                case .interrupted:
                    try require(failed.errorClass == .interrupted, "interrupted by \(failed.errorClass)")
                case .stop:
                    return
                }
                state = next.state
                try require(state.attempts == counted, "\(state.attempts) attempts, \(counted) counted")
            }
        }
    }
}
