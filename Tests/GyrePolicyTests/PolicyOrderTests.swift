import GyrePolicy
import Testing

@Suite struct PolicyOrderTests {
    private func mistake(_ kinds: [PolicyKind]) -> PolicyOrderError? {
        do throws(PolicyOrderError) {
            _ = try PolicyOrder(kinds)
            return nil
        } catch {
            return error
        }
    }

    @Test func theCompleteOrderPasses() throws {
        let order = try PolicyOrder(PolicyOrder.complete)
        #expect(
            order.description == "deadline → idempotency → cache → single-flight → budget → fair queue → load shedding"
                + " → bulkhead → fallback → retry → hedge → breaker → rate limit → quota → attempt timeout")
        #expect(mistake([]) == nil)
    }

    @Test func swappedPoliciesAreNamedWithTheReason() {
        let error = mistake([.deadline, .breaker, .retry])
        #expect(error?.outer == .breaker && error?.inner == .retry)
        #expect(
            error?.description == "retry must stand outside breaker: all attempts of a call would be one result, and "
                + "retries would go on against an open breaker")
    }

    @Test func aPolicyStandsOnce() {
        #expect(mistake([.retry, .retry])?.mistake == .doubled)
        #expect(mistake([.retry, .retry])?.description == "retry stands in the pipeline twice")
    }

    @Test func thereIsOneLimitOfConcurrency() {
        for kinds in [[.bulkhead, .adaptiveLimit], [.adaptiveLimit, .bulkhead]] as [[PolicyKind]] {
            #expect(mistake(kinds)?.mistake == .exclusive)
        }
    }

    /// All 240 pairs: right in one order, wrong in the other, and each with a reason.
    @Test func everyPairHasOneOrderAndEverySwapAReason() {
        for outer in PolicyKind.allCases {
            for inner in PolicyKind.allCases where outer < inner {
                let isExclusive = outer == .bulkhead && inner == .adaptiveLimit
                #expect((mistake([outer, inner]) == nil) == !isExclusive)
                let error = mistake([inner, outer])
                #expect(error?.mistake == (isExclusive ? .exclusive : .swapped))
                #expect(error?.outer == inner && error?.inner == outer)
                #expect(error?.reason.isEmpty == false)
            }
        }
    }

    // MARK: - For every seed

    @Test func aPipelinePassesIfAndOnlyIfItIsInOrder() {
        forSeeds { random in
            var kinds = PolicyOrder.complete.filter { _ in random.isOne(in: 2) }
            try require(mistake(kinds) == nil, "\(kinds) is in order")
            guard kinds.count > 1 else { return }
            let one = Int(random.pick(0...UInt64(kinds.count - 1))),
                other = Int(random.pick(0...UInt64(kinds.count - 1)))
            guard one != other else { return }
            kinds.swapAt(one, other)
            guard let error = mistake(kinds) else { throw Counterexample(description: "\(kinds) passed") }
            guard let outer = kinds.firstIndex(of: error.outer), let inner = kinds.firstIndex(of: error.inner) else {
                throw Counterexample(description: "\(error) names what is not there")
            }
            try require(outer < inner && error.outer > error.inner, "\(error) is not so in \(kinds)")
        }
    }
}
