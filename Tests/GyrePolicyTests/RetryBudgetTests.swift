import GyreCore
import GyrePolicy
import Testing

@Suite struct RetryBudgetTests {
    private func state(active: Int) -> RetryBudgetState {
        (0..<active).reduce(RetryBudgetState()) { state, _ in state.beginning() }
    }

    private func taken(_ take: (RetryBudgetState) -> RetryBudgetState?, from state: RetryBudgetState) -> Int {
        var state = state
        var count = 0
        while let next = take(state) {
            state = next
            count += 1
        }
        return count
    }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let lines = try RetryBudget().settings.map(\.description)
        #expect(lines == ["share = 0.2 (default)", "floor = 3 (default)", "hedgeShare = 0.05 (default)"])
    }

    @Test func whatIsOutOfRangeIsRefused() {
        #expect(throws: ConfigurationError.self) { try RetryBudget(share: 1.01) }
        #expect(throws: ConfigurationError.self) { try RetryBudget(share: .nan) }
        #expect(throws: ConfigurationError.self) { try RetryBudget(floor: -1) }
        #expect(throws: ConfigurationError.self) { try RetryBudget(hedgeShare: -0.1) }
    }

    @Test(arguments: [(0, 3), (10, 3), (15, 3), (20, 4), (100, 20), (104, 20), (105, 21)])
    func retriesAreAFifthOfTheWorkAndAtLeastThree(active: Int, room: Int) throws {
        let budget = try RetryBudget()
        #expect(taken(budget.retrying, from: state(active: active)) == room)
    }

    @Test(arguments: [(0, 0), (19, 0), (20, 1), (100, 5)])
    func hedgesAreATwentiethOfTheWorkWithoutAFloor(active: Int, room: Int) throws {
        let budget = try RetryBudget()
        #expect(taken(budget.hedging, from: state(active: active)) == room)
    }

    @Test func hedgesAndRetriesTakeFromTheSameShare() throws {
        let budget = try RetryBudget()
        var state = state(active: 40)
        for _ in 0..<2 { state = try #require(budget.hedging(state)) }
        #expect(taken(budget.retrying, from: state) == 6)
        for _ in 0..<6 { state = try #require(budget.retrying(state)) }
        #expect(budget.hedging(state.endingHedge()) != nil)
        #expect(budget.hedging(state) == nil)
        #expect(budget.retrying(state.endingHedge()) != nil)
    }

    @Test func aShareOfNothingAllowsNothing() throws {
        let budget = try RetryBudget(share: 0, floor: 0)
        #expect(budget.retrying(state(active: 1_000)) == nil)
        #expect(budget.hedging(state(active: 1_000)) == nil)
    }

    /// At the end of a field the budget says no: a carry would change its neighbour.
    @Test func aFullCountStaysInItsField() throws {
        let budget = try RetryBudget(share: 1)
        let full = RetryBudgetState(word: UInt64.max >> 28 & ~0x3_FFFF | 0x0FFF_FFFF << 36)
        #expect(full.retryCount == 262_143 && full.hedgeCount == 0 && full.activeCount == 268_435_455)
        #expect(budget.retrying(full) == nil)
    }

    @Test func endingWhatWasNotBegunStopsTheProcess() async {
        await #expect(processExitsWith: .failure) { _ = RetryBudgetState().endingRetry() }
    }

    // MARK: - For every seed

    /// Against three plain counters.
    @Test func aBudgetIsNeitherExceededNorBelowZero() {
        forSeeds { random in
            let share = random.next().unit, hedgeShare = random.next().unit
            let floor = Int(random.pick(0...5))
            let budget = try RetryBudget(share: share, floor: floor, hedgeShare: hedgeShare)
            var state = RetryBudgetState()
            var active = 0, retries = 0, hedges = 0
            for _ in 0..<60 {
                switch random.pick(0...7) {
                case 0...2:
                    state = state.beginning()
                    active += 1
                case 3 where active > 0:
                    state = state.ending()
                    active -= 1
                case 4, 5:
                    // Parts per million are what the budget computes with.
                    let room = max(floor, Int(Double(active) * (share * 1e6).rounded() / 1e6))
                    let next = budget.retrying(state)
                    try require((next != nil) == (retries + hedges < room), "retry with \(retries + hedges) of \(room)")
                    if let next { (state, retries) = (next, retries + 1) }
                case 6:
                    let room = Int(Double(active) * (share * 1e6).rounded() / 1e6)
                    let own = Int(Double(active) * (hedgeShare * 1e6).rounded() / 1e6)
                    let next = budget.hedging(state)
                    let expected = retries + hedges < room && hedges < own
                    try require((next != nil) == expected, "hedge \(hedges) of \(own), \(retries + hedges) of \(room)")
                    if let next { (state, hedges) = (next, hedges + 1) }
                case 7 where retries > 0 && random.isOne(in: 2):
                    state = state.endingRetry()
                    retries -= 1
                case 7 where hedges > 0:
                    state = state.endingHedge()
                    hedges -= 1
                default:
                    break
                }
                let counts = [state.activeCount, state.retryCount, state.hedgeCount]
                try require(counts == [active, retries, hedges].map(UInt64.init), "\(counts)")
            }
            for _ in 0..<retries { state = state.endingRetry() }
            for _ in 0..<hedges { state = state.endingHedge() }
            for _ in 0..<active { state = state.ending() }
            try require(state.word == 0, "\(state) is left")
        }
    }
}
