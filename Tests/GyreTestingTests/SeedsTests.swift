import Foundation
import GyreTesting
import Testing

@Suite struct SeedsTests {
    @Test func eachSeedIsAHistoryOfItsOwnAndAFailingOneIsNamed() throws {
        guard ProcessInfo.processInfo.environment["GYRE_SEED"] == nil else { return }
        var first: [UInt64] = []
        try forSeeds(64) { first.append($0.next()) }
        var again: [UInt64] = []
        try forSeeds(64) { again.append($0.next()) }
        #expect(first == again && Set(first).count == first.count)
        var runs = 0
        let failed = #expect(throws: FailedSeed.self) {
            try forSeeds(64) { _ in
                runs += 1
                if runs == 18 { throw Counterexample("the eighteenth") }
            }
        }
        #expect(failed?.seed == 17 && failed?.cause as? Counterexample == Counterexample("the eighteenth"))
        let line = "GYRE_SEED=17 swift test --no-parallel --filter 'SeedsTests/eachSeedIsAHistory"
        #expect(failed?.description.contains(line) == true)
    }
}
