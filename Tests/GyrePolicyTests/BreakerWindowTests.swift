import GyreCore
import GyrePolicy
import Testing

@Suite struct BreakerWindowTests {
    private let second: UInt64 = 1_000_000_000

    /// The ten words as whoever shares them keeps them.
    private struct Words {
        var words = [UInt64](repeating: 0, count: 10)
        let nanosecondsPerSlot: UInt64

        mutating func count(_ sample: BreakerSample, at nanoseconds: UInt64, generation: UInt64 = 0) {
            let (index, tag) = BreakerWindow.slot(
                at: MonotonicInstant(nanoseconds: nanoseconds), nanosecondsPerSlot: nanosecondsPerSlot,
                generation: generation)
            words[index] = BreakerWindow.counting(sample, into: words[index], tag: tag)
        }

        func sums(at nanoseconds: UInt64, generation: UInt64 = 0) -> BreakerSums {
            BreakerWindow.sums(
                at: MonotonicInstant(nanoseconds: nanoseconds), nanosecondsPerSlot: nanosecondsPerSlot,
                generation: generation
            ) { words[$0] }
        }
    }

    @Test func eachResultIsCountedAsWhatItIs() {
        var words = Words(nanosecondsPerSlot: second)
        for sample in BreakerSample.allCases { words.count(sample, at: 5 * second) }
        #expect(words.sums(at: 5 * second) == BreakerSums(calls: 4, failed: 2, slow: 2))
    }

    @Test func aResultLeavesWithItsSlot() {
        var words = Words(nanosecondsPerSlot: second)
        words.count(.failed, at: 100 * second)
        #expect(words.sums(at: 110 * second - 1).failed == 1)
        #expect(words.sums(at: 110 * second).failed == 0)
    }

    @Test func aGenerationCountsItsOwn() {
        var words = Words(nanosecondsPerSlot: second)
        words.count(.failed, at: 7 * second, generation: 63)
        #expect(words.sums(at: 7 * second, generation: 64).calls == 0)
        words.count(.good, at: 7 * second, generation: 64)
        #expect(words.sums(at: 7 * second, generation: 64) == BreakerSums(calls: 1))
    }

    /// A thread that was held between its look at the clock and its exchange.
    @Test func aLateResultDoesNotTakeASlotFromItsSuccessor() {
        var words = Words(nanosecondsPerSlot: second)
        words.count(.good, at: 20 * second, generation: 3)
        words.count(.failed, at: 10 * second, generation: 3)
        words.count(.failed, at: 20 * second, generation: 2)
        #expect(words.sums(at: 20 * second, generation: 3) == BreakerSums(calls: 1))
    }

    /// Half of the numbers before one look like the numbers after it; a slot must not be lost to that.
    @Test(arguments: [1, 4, 6, 100] as [UInt64]) func aSlotIsTakenOverAfterDaysOfSilence(days: UInt64) {
        var words = Words(nanosecondsPerSlot: second)
        for slot in 0..<10 as Range<UInt64> { words.count(.failed, at: slot * second, generation: 1) }
        let later = (days * 86_400 + 12_345) * second
        for slot in 0..<10 as Range<UInt64> { words.count(.good, at: later + slot * second, generation: 40) }
        #expect(words.sums(at: later + 9 * second, generation: 40) == BreakerSums(calls: 10))
    }

    @Test func aFullSlotKeepsItsShares() {
        var words = Words(nanosecondsPerSlot: second)
        for index in 0..<100_000 { words.count(index % 4 == 0 ? .failedSlowly : .good, at: second) }
        let sums = words.sums(at: second)
        #expect((4_096...8_191).contains(sums.calls))
        #expect((0.249...0.251).contains(Double(sums.failed) / Double(sums.calls)))
        #expect(sums.failed == sums.slow)
    }

    // MARK: - For every seed

    /// Against a list of all results, by the numbers of their slots.
    @Test func aWindowHoldsWhatAListHolds() {
        forSeeds { random in
            let perSlot: UInt64 = random.pick([1_000_000, 1_000_000_000])
            var words = Words(nanosecondsPerSlot: perSlot)
            var now: UInt64 = random.pick([0, 1 << 52, 1 << 62])
            var list: [(slot: UInt64, sample: BreakerSample)] = []
            for _ in 0..<30 {
                now += random.isOne(in: 8) ? random.pick(0...20 * perSlot) : random.pick(0...perSlot)
                let sample = random.pick(BreakerSample.allCases)
                words.count(sample, at: now)
                list.append((now / perSlot, sample))
                list.removeAll { $0.slot + 10 <= now / perSlot }
                var expected = BreakerSums()
                for (_, sample) in list where sample != .nothing {
                    expected.calls += 1
                    if sample == .failed || sample == .failedSlowly { expected.failed += 1 }
                    if sample == .slow || sample == .failedSlowly { expected.slow += 1 }
                }
                let sums = words.sums(at: now)
                try require(sums == expected, "\(sums), not \(expected)")
            }
        }
    }
}
