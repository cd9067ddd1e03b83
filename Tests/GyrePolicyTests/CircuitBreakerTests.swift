import GyreCore
import GyrePolicy
import Testing

/// A breaker as one caller uses it.
struct BreakerSubject {
    let breaker: CircuitBreaker
    var state = BreakerState()
    var window = [UInt64](repeating: 0, count: 10)
    var now = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    var random = SeededRandom(seed: 1)

    init(_ breaker: CircuitBreaker) {
        self.breaker = breaker
    }

    mutating func admit(deadline: MonotonicInstant = .distantFuture) -> BreakerVerdict {
        let next = breaker.admitting(state, at: now, deadline: deadline, draw: random.next())
        state = next.state
        return next.verdict
    }

    /// The lease of a call that passes; `nil` for one that is refused.
    mutating func lease(deadline: MonotonicInstant = .distantFuture) -> BreakerLease? {
        if case .admitted(let lease) = admit(deadline: deadline) { return lease }
        return nil
    }

    /// The lease of a call that must pass.
    mutating func passing(deadline: MonotonicInstant = .distantFuture) throws -> BreakerLease {
        guard let lease = lease(deadline: deadline) else { throw Counterexample(description: "refused in \(mode)") }
        return lease
    }

    mutating func end(_ lease: BreakerLease, _ sample: BreakerSample) {
        let perSlot = breaker.nanosecondsPerSlot, generation = state.generation
        if breaker.counts(lease, in: state) {
            let (index, tag) = BreakerWindow.slot(at: now, nanosecondsPerSlot: perSlot, generation: generation)
            window[index] = BreakerWindow.counting(sample, into: window[index], tag: tag)
        }
        state = breaker.ending(lease, with: sample, in: state, at: now, draw: random.next()) {
            BreakerWindow.sums(at: now, nanosecondsPerSlot: perSlot, generation: generation) { window[$0] }
        }
    }

    mutating func call(_ sample: BreakerSample) {
        if let lease = lease() { end(lease, sample) }
    }

    mutating func advance(_ duration: Duration) { now = now + duration }

    var mode: BreakerMode { breaker.mode(of: state, at: now) }
}

@Suite struct CircuitBreakerTests {
    private func opened(
        _ breaker: CircuitBreaker, at instant: MonotonicInstant = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    ) -> BreakerSubject {
        var subject = BreakerSubject(breaker)
        subject.now = instant
        for _ in 0..<breaker.callsMin.value { subject.call(.failed) }
        return subject
    }

    /// Half-open, with `count` probes out.
    private func halfOpen(probes count: Int) throws -> (BreakerSubject, [BreakerLease]) {
        var subject = opened(try CircuitBreaker())
        subject.advance(.seconds(11))
        let leases = (0..<count).compactMap { _ in subject.lease() }
        try #require(leases.count == count)
        return (subject, leases)
    }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let lines = try CircuitBreaker().settings.map(\.description)
        #expect(
            lines == [
                "window = 10 s (default)", "callsMin = 20 (default)", "failureShare = 0.5 (default)",
                "slowShare = 0.5 (default)", "slowCall = never (default)", "openMin = 5 s (default)",
                "openMax = 300 s (default)", "probes = 3 (default)", "goodProbes = 2 (default)",
                "probeMax = 300 s (default)",
            ])
        #expect(try CircuitBreaker(probes: 10).goodProbes == Setting(7, from: .default))
    }

    @Test func whatIsOutOfRangeIsRefused() {
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(window: .milliseconds(9)) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(callsMin: 0) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(failureShare: 0) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(slowShare: 1.1) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(openMin: .milliseconds(1)) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(openMin: .seconds(2), openMax: .seconds(1)) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(probes: 16) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(probes: 2, goodProbes: 3) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(probeMax: .zero) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(slowCall: .over(.zero)) }
        #expect(throws: ConfigurationError.self) { try CircuitBreaker(slowCall: .overBaseline(times: .infinity)) }
    }

    // MARK: - Closed

    @Test func admissionOfAClosedBreakerWritesNothing() throws {
        let state = BreakerState(generation: 8_191)
        let next = try CircuitBreaker().admitting(state, at: .distantPast, draw: 5)
        #expect(next.state == state)
    }

    @Test func theTwentiethCallOpensItIfHalfFailed() throws {
        var subject = BreakerSubject(try CircuitBreaker())
        for _ in 0..<10 { subject.call(.good) }
        for _ in 0..<9 { subject.call(.failed) }
        #expect(subject.mode == .closed)
        subject.call(.failed)
        #expect(subject.mode == .open)
    }

    @Test func fewerFailuresThanHalfDoNotOpenIt() throws {
        var subject = BreakerSubject(try CircuitBreaker())
        for index in 0..<400 { subject.call(index % 20 < 11 ? .good : .failed) }
        #expect(subject.mode == .closed)
    }

    @Test func slowCallsOpenItWhereThereAreAny() throws {
        for (slowCall, mode) in [(.never, .closed), (.over(.seconds(1)), .open)]
            as [(CircuitBreaker.SlowCall, BreakerMode)]
        {
            var subject = BreakerSubject(try CircuitBreaker(slowCall: slowCall))
            for _ in 0..<20 { subject.call(.slow) }
            #expect(subject.mode == mode)
        }
    }

    @Test func aCallIsSlowByItsLimitOrByItsBaseline() throws {
        let fixed = try CircuitBreaker(slowCall: .over(.milliseconds(2)))
        #expect(fixed.sample(failure: nil, nanoseconds: 2_000_000) == .good)
        #expect(fixed.sample(failure: nil, nanoseconds: 2_000_001) == .slow)
        #expect(fixed.sample(failure: .timedOut, nanoseconds: 2_000_001) == .failedSlowly)
        let learned = try CircuitBreaker(slowCall: .overBaseline(times: 3))
        #expect(learned.sample(failure: nil, nanoseconds: 301, baselineNanoseconds: 100) == .slow)
        #expect(learned.sample(failure: nil, nanoseconds: 300, baselineNanoseconds: 100) == .good)
        #expect(learned.sample(failure: nil, nanoseconds: .max) == .good)
    }

    @Test func whoAnswersIsWellAndWhoWasNotAskedIsNotJudged() throws {
        let breaker = try CircuitBreaker()
        let expected: [(ErrorClass, BreakerSample)] = [
            (.transient, .failed), (.timedOut, .failed), (.overloaded, .failed), (.permanent, .good),
            (.throttled(retryAfter: nil), .nothing), (.rejected(retryAfter: nil), .nothing),
            (.budgetExhausted, .nothing), (.cancelled, .nothing), (.interrupted, .nothing),
        ]
        for (errorClass, sample) in expected {
            #expect(breaker.sample(failure: errorClass, nanoseconds: 1) == sample, "\(errorClass)")
        }
    }

    // MARK: - Open and half-open

    @Test func anOpenBreakerSaysWhenToAskAgain() throws {
        var subject = opened(try CircuitBreaker())
        guard case .rejected(let retryAt?) = subject.admit() else {
            Issue.record("admitted")
            return
        }
        #expect((Duration.seconds(5) ... .milliseconds(10_002)).contains(retryAt - subject.now))
        subject.now = retryAt - .milliseconds(2)
        #expect(subject.lease() == nil)
        subject.now = retryAt
        #expect(subject.lease()?.isProbe == true)
    }

    @Test func twoGoodProbesOfThreeCloseIt() throws {
        var (subject, leases) = try halfOpen(probes: 3)
        #expect(subject.lease() == nil)
        subject.end(leases[0], .failed)
        subject.end(leases[1], .good)
        #expect(subject.mode == .halfOpen)
        subject.end(leases[2], .good)
        #expect(subject.mode == .closed)
        #expect(subject.lease()?.isProbe == false)
    }

    @Test func twoBadProbesOpenItForLonger() throws {
        var (subject, leases) = try halfOpen(probes: 3)
        subject.end(leases[0], .failed)
        subject.end(leases[1], .slow)
        #expect(subject.mode == .open)
        guard case .rejected(let retryAt?) = subject.admit() else {
            Issue.record("admitted")
            return
        }
        #expect((Duration.seconds(10) ... .milliseconds(20_002)).contains(retryAt - subject.now))
        let before = subject.state
        subject.end(leases[2], .good)
        #expect(subject.state == before)
    }

    @Test func aLostProbeIsABadOneFromTheEndOfItsLeaseOn() throws {
        var (subject, _) = try halfOpen(probes: 3)
        subject.advance(.milliseconds(300_002))
        #expect(subject.mode == .open)
        // Open from then on, and not from the next call on.
        subject.advance(.seconds(20))
        #expect(subject.lease()?.isProbe == true)
    }

    @Test func aProbesLeaseEndsWithItsDeadline() throws {
        var subject = opened(try CircuitBreaker(probes: 1))
        subject.advance(.seconds(11))
        #expect(subject.lease(deadline: subject.now + .milliseconds(100)) != nil)
        subject.advance(.milliseconds(99))
        #expect(subject.mode == .halfOpen)
        subject.advance(.milliseconds(3))
        #expect(subject.mode == .open)
    }

    /// Its deadline is its own, longer than the lease of a call that has none.
    @Test func aSlowServiceIsProbedForAsLongAsItsDeadline() throws {
        var subject = opened(try CircuitBreaker(probes: 1))
        subject.advance(.seconds(11))
        let lease = try subject.passing(deadline: subject.now + .seconds(3_000))
        subject.advance(.seconds(2_999))
        #expect(subject.lease() == nil)
        subject.end(lease, .good)
        #expect(subject.mode == .closed)
    }

    /// A short lease that was given later must not end a long one, nor when ticks begin anew between their ends.
    @Test(arguments: [1_000_000_000_000, (1 << 52) - 15_000_000_000] as [UInt64])
    func theLastLeaseToEndIsWaitedFor(nanoseconds: UInt64) throws {
        let start = MonotonicInstant(nanoseconds: nanoseconds)
        var subject = opened(try CircuitBreaker(probes: 2, goodProbes: 1), at: start)
        subject.advance(.seconds(11))
        let long = try subject.passing(deadline: subject.now + .seconds(10))
        _ = try subject.passing(deadline: subject.now + .milliseconds(10))
        subject.advance(.milliseconds(20))
        _ = subject.admit()
        subject.end(long, .good)
        #expect(subject.mode == .closed)
    }

    @Test func noLeaseIsLongerThanADay() throws {
        var subject = opened(try CircuitBreaker(probes: 1))
        subject.advance(.seconds(11))
        _ = try subject.passing(deadline: subject.now + .seconds(40 * 86_400))
        subject.advance(.seconds(86_400) + .milliseconds(2))
        #expect(subject.mode == .open)
    }

    @Test func aLateProbeIsABadOne() throws {
        var subject = opened(try CircuitBreaker())
        subject.advance(.seconds(11))
        let early = try subject.passing(deadline: subject.now + .milliseconds(10))
        let second = try subject.passing(deadline: subject.now + .milliseconds(10))
        _ = subject.lease(deadline: subject.now + .seconds(10))
        subject.advance(.milliseconds(20))
        subject.end(early, .good)
        #expect(subject.mode == .halfOpen)
        subject.end(second, .good)
        #expect(subject.mode == .open)
    }

    @Test func aCancelledProbeMakesRoomForAnother() throws {
        var (subject, leases) = try halfOpen(probes: 3)
        #expect(subject.breaker.probeRoom(in: subject.state, at: subject.now, draw: 0) == 0)
        for lease in leases { subject.end(lease, .nothing) }
        #expect(subject.mode == .halfOpen)
        #expect(subject.breaker.probeRoom(in: subject.state, at: subject.now, draw: 0) == 3)
        #expect(subject.lease()?.isProbe == true)
    }

    @Test func aCallFromBeforeItOpenedSaysNothingAboutNow() throws {
        var subject = BreakerSubject(try CircuitBreaker())
        let old = try subject.passing()
        for _ in 0..<20 { subject.call(.failed) }
        subject.advance(.seconds(11))
        _ = subject.lease()
        let before = subject.state
        subject.end(old, .good)
        #expect(subject.state == before)
    }

    /// What failed before it opened is not held against it once it is closed again.
    @Test func aClosedBreakerBeginsWithAnEmptyWindow() throws {
        var subject = opened(try CircuitBreaker(window: .seconds(100), openMin: .milliseconds(10)))
        subject.advance(.milliseconds(25))
        for _ in 0..<2 { subject.call(.good) }
        try #require(subject.mode == .closed)
        subject.call(.failed)
        #expect(subject.mode == .closed)
    }

    /// A half-open breaker that was granted five probes must not be stuck when the configuration allows three.
    @Test func aConfigurationWithFewerProbesStillDecides() throws {
        var subject = opened(try CircuitBreaker(probes: 5, goodProbes: 5))
        subject.advance(.seconds(11))
        for _ in 0..<4 { subject.call(.good) }
        #expect(subject.mode == .halfOpen)
        #expect(try CircuitBreaker(probes: 3).mode(of: subject.state, at: subject.now) == .closed)
    }

    @Test(arguments: [20, 26, 52, 104, 400]) func aForgottenBreakerFindsItsWayOn(days: Int) throws {
        var subject = opened(try CircuitBreaker())
        subject.advance(.seconds(days * 86_400))
        #expect(subject.lease()?.isProbe == true)
        subject.advance(.seconds(days * 86_400))
        _ = subject.admit()
        subject.advance(.seconds(20))
        #expect(subject.lease()?.isProbe == true)
    }

    // MARK: - By hand

    @Test func whatAHandHasSetNoResultChanges() throws {
        let breaker = try CircuitBreaker()
        for (order, passes) in [(.forceOpen, false), (.disable, true), (.measureOnly, true)]
            as [(CircuitBreaker.Order, Bool)]
        {
            var subject = BreakerSubject(breaker)
            let old = try subject.passing()
            subject.state = breaker.obeying(order, in: subject.state)
            let before = subject.state
            subject.end(old, .failed)
            for _ in 0..<50 { subject.call(.failed) }
            #expect(subject.state == before)
            subject.advance(.seconds(1_000))
            #expect((subject.lease() != nil) == passes)
            subject.state = breaker.obeying(.close, in: subject.state)
            #expect(subject.mode == .closed)
        }
    }

    @Test func onlyAHandOpensTheWayOfAForcedOpenBreaker() throws {
        var subject = BreakerSubject(try CircuitBreaker())
        subject.state = subject.breaker.obeying(.forceOpen, in: subject.state)
        #expect(subject.admit() == .rejected(retryAt: nil))
    }

    @Test func measuringCountsAndDisabledDoesNot() throws {
        for (order, calls) in [(.measureOnly, 5), (.disable, 0)] as [(CircuitBreaker.Order, UInt64)] {
            var subject = BreakerSubject(try CircuitBreaker())
            subject.state = subject.breaker.obeying(order, in: subject.state)
            for _ in 0..<5 { subject.call(.failed) }
            let sums = BreakerWindow.sums(
                at: subject.now, nanosecondsPerSlot: subject.breaker.nanosecondsPerSlot,
                generation: subject.state.generation
            ) { subject.window[$0] }
            #expect(sums.failed == calls)
        }
    }
}
