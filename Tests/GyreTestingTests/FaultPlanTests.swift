import GyrePolicy
import GyreTesting
import Testing

/// What a plan says is a function of the seed, the rule, the service and the number.
@Suite struct FaultPlanTests {
    private func failures(_ plan: FaultPlan, _ service: String, calls: ClosedRange<UInt64>) -> [UInt64] {
        calls.filter { plan.fault(ofCall: $0, to: service).failure != nil }
    }

    @Test func callsAreSelectedByNumber() {
        let plan = FaultPlan(
            seed: 1,
            [.init("stock", .calls(3...5), .fail(.transient)), .init("stock", .every(10), .fail(.permanent))])
        #expect(failures(plan, "stock", calls: 1...21) == [3, 4, 5, 10, 20])
        #expect(plan.fault(ofCall: 4, to: "stock").failure == .transient)
        #expect(plan.fault(ofCall: 10, to: "stock").failure == .permanent)
        #expect(failures(plan, "price", calls: 1...21).isEmpty)
        #expect(failures(FaultPlan(seed: 1, [.init(nil, .call(2), .fail(.overloaded))]), "any", calls: 1...9) == [2])
        #expect(failures(FaultPlan(seed: 1, [.init(nil, .every(0), .fail(.overloaded))]), "any", calls: 0...9) == [])
    }

    @Test func delaysAddUpAndTheFirstFailureIsTheOne() {
        let plan = FaultPlan(
            seed: 1,
            [
                .init(nil, .all, .delay(.milliseconds(2))), .init("a", .all, .throttle(retryAfter: .seconds(1))),
                .init("a", .all, .fail(.permanent)), .init("a", .all, .delay(.milliseconds(3))),
            ])
        let both = FaultPlan.Fault(delay: .milliseconds(5), failure: .throttled(retryAfter: .seconds(1)))
        #expect(plan.fault(ofCall: 9, to: "a") == both)
        #expect(plan.fault(ofCall: 9, to: "b") == FaultPlan.Fault(delay: .milliseconds(2)))
        #expect(FaultPlan(seed: 1).fault(ofCall: 1, to: "a") == .none)
    }

    /// 20,000 calls: within five standard deviations of the share.
    @Test(arguments: [0, 0.03, 0.5, 1]) func aShareIsKeptByChance(share: Double) {
        let plan = FaultPlan(seed: 5, [.init("a", .share(share), .fail(.transient))])
        let count = Double(failures(plan, "a", calls: 1...20_000).count)
        let deviation = (20_000 * share * (1 - share)).squareRoot()
        #expect(abs(count - 20_000 * share) <= 5 * deviation)
    }

    @Test func seedsServicesAndRulesHaveChanceOfTheirOwn() {
        func failed(seed: UInt64 = 5, service: String = "a", rulesBefore: Int = 0) -> [UInt64] {
            let before = Array(repeating: FaultPlan.Rule("x", .all, .fail(.permanent)), count: rulesBefore)
            let plan = FaultPlan(seed: seed, before + [.init(nil, .share(0.5), .fail(.transient))])
            return failures(plan, service, calls: 1...64)
        }
        #expect(failed() == failed())
        #expect(Set([failed(), failed(seed: 6), failed(service: "b"), failed(rulesBefore: 1)]).count == 4)
    }

    @Test func timesStayInTheirRangeAndHaveTheirMean() {
        let plan = FaultPlan(
            seed: 9,
            [
                .init("even", .all, .delay(.milliseconds(10) ... .milliseconds(20))),
                .init("late", .all, .lateness(mean: .milliseconds(10), max: .milliseconds(40))),
            ])
        func times(_ service: String) -> [Double] {
            (1...20_000).map { (call: UInt64) -> Double in
                plan.fault(ofCall: call, to: service).delay / .milliseconds(1)
            }
        }
        func mean(_ times: [Double]) -> Double { times.reduce(0, +) / Double(times.count) }
        let (even, late) = (times("even"), times("late"))
        #expect(even.allSatisfy { $0 >= 10 && $0 <= 20 })
        #expect(mean(even) > 14.8 && mean(even) < 15.2)
        #expect(late.allSatisfy { $0 >= 0 && $0 <= 40 })
        // The mean of an exponential cut at four times its mean is 1 - e^-4 of it: 9.8 ms.
        #expect(mean(late) > 9.4 && mean(late) < 10.2)
        #expect(late.count { $0 == 40 } > 100, "1.8 % of them")
    }

    @Test func numbersOfKeysTellAttemptsApart() {
        var numbers: Set<UInt64> = []
        for key in 0..<1_000 {
            for attempt in 1...3 { numbers.insert(FaultPlan.number(of: "\(key)", attempt: attempt)) }
        }
        #expect(numbers.count == 3_000)
        #expect(FaultPlan.number(of: "a", attempt: 1) == FaultPlan.number(of: "a", attempt: 1))
    }
}
