import GyrePolicy
import Testing

@Suite struct SeededRandomTests {
    /// The first outputs of Vigna's splitmix64.c for the seed 1234567, as other implementations publish them.
    @Test func theSequenceIsTheOneOfSplitMix64() {
        var random = SeededRandom(seed: 1_234_567)
        let published: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect(published.map { _ in random.next() } == published)
    }

    @Test func aDrawCanBeHadWithoutThoseBeforeIt() {
        forSeeds(1_000) { random in
            let seed = random.next()
            var generator = SeededRandom(seed: seed)
            for index in 0..<8 as Range<UInt64> {
                try require(generator.next() == SeededRandom.draw(seed: seed, index: index), "draw \(index)")
            }
            try require(SeededRandom(seed: generator.state).state == generator.state, "a state is a seed")
        }
    }

    @Test func aScaledDrawReachesBothEndsAndNothingBeyond() {
        #expect(UInt64(0).scaled(upTo: 9) == 0)
        #expect(UInt64.max.scaled(upTo: 9) == 9)
        #expect(UInt64.max.scaled(upTo: 0) == 0)
        #expect(UInt64.max.scaled(upTo: .max) == .max)
        #expect(UInt64.max.unit < 1)
        #expect(UInt64(0).unit == 0)
        var random = SeededRandom(seed: 7)
        var counts = [UInt64](repeating: 0, count: 10)
        for _ in 0..<100_000 { counts[Int(random.next().scaled(upTo: 9))] += 1 }
        // 10,000 expected each; five standard deviations are 474.
        #expect(counts.allSatisfy { $0.distance(to: 10_000).magnitude < 474 })
    }
}
