import Testing

@testable import GyrePolicy

@Suite struct CorrelationTests {
    private func correlation(_ pairs: some Sequence<(Double, Double)>) -> Correlation {
        var correlation = Correlation()
        for (x, y) in pairs { correlation.add(x, y) }
        return correlation
    }

    @Test func whatMovesTogetherIsOneAndAgainstEachOtherMinusOne() {
        let together = correlation((1...20).map { (Double($0), 5 + 3 * Double($0)) })
        #expect(abs(together.coefficient - 1) < 1e-9)
        let against = correlation((1...20).map { (Double($0), 100 - 3 * Double($0)) })
        #expect(abs(against.coefficient + 1) < 1e-9)
    }

    @Test func ofWhatStandsStillOrIsLittleNothingFollows() {
        #expect(correlation((1...20).map { (Double($0), 7) }).coefficient == 0)
        #expect(correlation((1...20).map { (1000 + Double($0 % 2), Double($0)) }).coefficient == 0)
        let few = correlation((1...9).map { (Double($0), Double($0)) })
        #expect(few.coefficient == 0)
        #expect(few.variationOfSecond == 1)
        #expect(correlation((1...20).map { (Double($0), 0) }).variationOfSecond == 0)
    }

    @Test func onlyTheLastFiftyPairsCount() {
        var pairs = (1...50).map { (Double($0), Double($0)) }
        pairs += (1...50).map { (Double($0), 100 - Double($0)) }
        #expect(abs(correlation(pairs).coefficient + 1) < 1e-9)
    }

    /// Against the textbook: the same by sums of products, computed apart.
    @Test func itAgreesWithTheDefinition() throws {
        forSeeds(1_000) { random in
            let pairs = (0..<Int.random(in: 10...50, using: &random)).map { _ in
                (random.next().unit * 10 + 1, random.next().unit * 10 + 1)
            }
            let n = Double(pairs.count)
            let (x, y) = (pairs.map(\.0).reduce(0, +), pairs.map(\.1).reduce(0, +))
            let xx = pairs.map { $0.0 * $0.0 }.reduce(0, +)
            let yy = pairs.map { $0.1 * $0.1 }.reduce(0, +)
            let xy = pairs.map { $0.0 * $0.1 }.reduce(0, +)
            let expected = (n * xy - x * y) / ((n * xx - x * x).squareRoot() * (n * yy - y * y).squareRoot())
            let actual = correlation(pairs).coefficient
            try require(abs(actual - expected) < 1e-6, "\(actual), by definition \(expected)")
        }
    }
}
