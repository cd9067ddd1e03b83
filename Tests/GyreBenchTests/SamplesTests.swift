import GyreBench
import Testing

@Suite struct SamplesTests {
    @Test func quantilesLieBetweenSamples() {
        let samples = Samples([4, 1, 3, 2])
        #expect(
            [samples.min, samples.lowerQuartile, samples.median, samples.upperQuartile, samples.max] == [
                1, 1.75, 2.5, 3.25, 4,
            ])
        #expect(samples.values == [4, 1, 3, 2])
    }

    @Test func oneSampleIsAllOfThem() {
        let samples = Samples([7])
        #expect([samples.min, samples.median, samples.max] == [7, 7, 7])
    }
}
