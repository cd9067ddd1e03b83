import GyreCore
import GyrePolicy
import Testing

@Suite struct HedgePolicyTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    private let usual = HedgeLatency(
        samples: 50, usuallyNanoseconds: 20_000_000, medianNanoseconds: 5_000_000, baselineMedianNanoseconds: 5_000_000)
    private var busy: RetryBudgetState { (0..<100).reduce(RetryBudgetState()) { state, _ in state.beginning() } }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let documented = [
            "delay = observed (default)", "delayMin = 1 ms (default)", "samplesMin = 50 (default)",
            "limiterMax = 0.8 (default)", "medianShiftMax = 2.0 (default)",
        ]
        #expect(try HedgePolicy().settings.map(\.description) == documented)
        #expect(try HedgePolicy(delay: .fixed(.seconds(2))).settings.first?.description == "delay = 2 s (user)")
    }

    @Test func whatIsOutOfRangeIsRefused() {
        #expect(throws: ConfigurationError.self) { try HedgePolicy(delay: .fixed(.seconds(-1))) }
        #expect(throws: ConfigurationError.self) { try HedgePolicy(delayMin: .seconds(-1)) }
        #expect(throws: ConfigurationError.self) { try HedgePolicy(samplesMin: 0) }
        #expect(throws: ConfigurationError.self) { try HedgePolicy(limiterMax: 1.1) }
        #expect(throws: ConfigurationError.self) { try HedgePolicy(medianShiftMax: 0.5) }
    }

    @Test func theDelayIsWhatNearlyAllCallsTake() throws {
        let facts = HedgeFacts(isIdempotent: true, latency: usual)
        #expect(try HedgePolicy().planning(facts, started: start) == .success(start + .milliseconds(20)))
        let fast = HedgeLatency(samples: 50, usuallyNanoseconds: 10, medianNanoseconds: 5)
        let quick = HedgeFacts(isIdempotent: true, latency: fast)
        #expect(try HedgePolicy().planning(quick, started: start) == .success(start + .milliseconds(1)))
        let fixed = try HedgePolicy(delay: .fixed(.seconds(1)))
        #expect(fixed.planning(HedgeFacts(isIdempotent: true), started: start) == .success(start + .seconds(1)))
    }

    @Test func thereIsAReasonForEachHedgeThatIsNotMade() throws {
        let policy = try HedgePolicy()
        let few = HedgeLatency(samples: 49, usuallyNanoseconds: 20_000_000, medianNanoseconds: 5_000_000)
        let moved = HedgeLatency(
            samples: 50, usuallyNanoseconds: 20_000_000, medianNanoseconds: 10_000_001,
            baselineMedianNanoseconds: 5_000_000)
        let short = AttemptWindow(deadline: start + .milliseconds(25), shortest: .milliseconds(5))
        let cases: [(HedgeFacts, HedgeRefusal)] = [
            (HedgeFacts(isIdempotent: false, latency: usual), .notIdempotent),
            (HedgeFacts(isIdempotent: true, hedges: 1, latency: usual), .alreadyHedged),
            (HedgeFacts(isIdempotent: true), .unknownLatency),
            (HedgeFacts(isIdempotent: true, latency: few), .unknownLatency),
            (HedgeFacts(isIdempotent: true, breaker: .halfOpen, latency: usual), .breaker),
            (HedgeFacts(isIdempotent: true, breaker: .disabled, latency: usual), .breaker),
            (HedgeFacts(isIdempotent: true, limiterShare: 0.81, latency: usual), .limiter),
            (HedgeFacts(isIdempotent: true, latency: moved), .slowService),
            (HedgeFacts(isIdempotent: true, latency: usual, window: short), .deadline),
        ]
        for (facts, refusal) in cases {
            #expect(policy.planning(facts, started: start) == .failure(refusal), "\(refusal)")
        }
        #expect(Set(cases.map(\.1)).union([.budget]).count == HedgeRefusal.allCases.count)
        let border = HedgeFacts(isIdempotent: true, limiterShare: 0.8, latency: usual)
        #expect(policy.planning(border, started: start) == .success(start + .milliseconds(20)))
    }

    @Test func theFactsCountAsTheyAreWhenItStarts() throws {
        let policy = try HedgePolicy(), budget = try RetryBudget()
        let now = start + .milliseconds(20)
        let open = HedgeFacts(isIdempotent: true, breaker: .open, latency: usual)
        #expect(policy.starting(open, at: now, budget: budget, in: busy) == .failure(.breaker))
        let well = HedgeFacts(isIdempotent: true, latency: usual)
        #expect(try policy.starting(well, at: now, budget: budget, in: busy).get().hedgeCount == 1)
        #expect(policy.starting(well, at: now, budget: budget, in: RetryBudgetState()) == .failure(.budget))
    }

    // MARK: - For every seed

    @Test func noHedgeStartsAgainstARule() {
        forSeeds { random in
            let policy = try HedgePolicy(), budget = try RetryBudget()
            var state = RetryBudgetState()
            for _ in 0..<random.pick(0...80) { state = state.beginning() }
            for _ in 0..<20 {
                let latency = HedgeLatency(
                    samples: random.pick(0...100), usuallyNanoseconds: random.pick(0...50_000_000),
                    medianNanoseconds: random.pick(1...20_000_000),
                    baselineMedianNanoseconds: random.isOne(in: 3) ? nil : 7_000_000)
                let deadline = start + .microseconds(Int64(random.pick(0...60_000)))
                let facts = HedgeFacts(
                    isIdempotent: !random.isOne(in: 4), hedges: Int(random.pick(0...1)),
                    breaker: random.isOne(in: 3) ? random.pick(BreakerMode.allCases) : .closed,
                    limiterShare: random.next().unit, latency: latency,
                    window: AttemptWindow(deadline: deadline, shortest: .milliseconds(2)))
                guard case .success(let due) = policy.planning(facts, started: start) else { continue }
                try require(due >= start + .milliseconds(1), "too early")
                guard case .success(let next) = policy.starting(facts, at: due, budget: budget, in: state) else {
                    continue
                }
                try require(facts.isIdempotent && facts.hedges == 0, "a call that may not be hedged")
                try require(facts.breaker == .closed && facts.limiterShare <= 0.8, "a service that has enough to do")
                try require(latency.samples >= 50, "a guess at the delay")
                try require(
                    latency.baselineMedianNanoseconds.map { latency.medianNanoseconds <= 2 * $0 } ?? true, "moved")
                try require(due + .milliseconds(2) < deadline, "a hedge that cannot end in time")
                try require(next.hedgeCount * 20 <= next.activeCount, "\(next.hedgeCount) of \(next.activeCount)")
                state = next
            }
        }
    }
}
