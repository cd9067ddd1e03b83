import CGyre
import Testing

@testable import GyreCore

/// The C histogram: its layout, its error bound, its counting.
@Suite struct HistogramTests {
    static let buckets = UInt32(GYRE_HISTOGRAM_BUCKETS)

    @Test func bucketsFollowEachOtherWithoutGapOrOverlap() {
        #expect(gyre_histogram_lowest(0) == 0)
        for index in 0..<Self.buckets - 1 {
            #expect(gyre_histogram_highest(index) + 1 == gyre_histogram_lowest(index + 1), "bucket \(index)")
        }
        #expect(gyre_histogram_highest(Self.buckets - 1) == (1 << 42) - 1)
    }

    @Test func bothEdgesAndTheMiddleOfEveryBucketFallIntoIt() {
        for index in 0..<Self.buckets {
            #expect(gyre_histogram_index(gyre_histogram_lowest(index)) == index)
            #expect(gyre_histogram_index(gyre_histogram_middle(index)) == index)
            #expect(gyre_histogram_index(gyre_histogram_highest(index)) == index)
        }
    }

    /// The error is largest at an edge, so the edges of all buckets prove the bound for all values up to an hour.
    @Test func theReportedValueIsWithinOnePercentAtEveryEdge() {
        var worst = 0.0
        for index in 1..<Self.buckets {
            let reported = Double(gyre_histogram_middle(index))
            for value in [gyre_histogram_lowest(index), gyre_histogram_highest(index)] {
                worst = max(worst, abs(reported - Double(value)) / Double(value))
            }
        }
        #expect(worst <= 0.01)
        #expect(worst <= 1.0 / 128)
        #expect(gyre_histogram_index(3_600_000_000_000) < Self.buckets - 1, "an hour is not clamped")
    }

    @Test(arguments: [1 << 42, 1 << 63, UInt64.max - 1, UInt64.max])
    func longerThanTheRangeFallsIntoTheLastBucket(_ value: UInt64) {
        #expect(gyre_histogram_index(value) == Self.buckets - 1)
    }

    @Test func sumStaysAtTheEndAndExtremesStayExact() throws {
        let histogram = try #require(gyre_histogram_create())
        defer { gyre_histogram_destroy(histogram) }
        gyre_histogram_add(histogram, .max - 1)
        #expect(read(histogram).totals.sum == UInt64.max - 1)
        gyre_histogram_add(histogram, 1)
        #expect(read(histogram).totals.sum == .max)
        gyre_histogram_add(histogram, 7)
        let (totals, words) = read(histogram)
        #expect(totals.sum == .max)
        #expect(totals.count == 3)
        #expect(totals.minimum == 1)
        #expect(totals.maximum == UInt64.max - 1)
        #expect(words[Int(Self.buckets) - 1] == 1)
    }

    @Test func theSharedAddCountsLikeTheOwnersAdd() throws {
        let owned = try #require(gyre_histogram_create())
        let shared = try #require(gyre_histogram_create())
        defer {
            gyre_histogram_destroy(owned)
            gyre_histogram_destroy(shared)
        }
        for value in [0, 1, 63, 64, 1_000, 999_999_999, 1 << 42, UInt64.max, UInt64.max] {
            gyre_histogram_add(owned, value)
            gyre_histogram_add_shared(shared, value)
        }
        let (left, right) = (read(owned), read(shared))
        #expect(left.words == right.words)
        #expect(left.totals.sum == right.totals.sum)
        #expect(left.totals.minimum == right.totals.minimum)
        #expect(left.totals.maximum == right.totals.maximum)
    }

    @Test func anEmptyHistogramAddsNothingToTheTotals() throws {
        let histogram = try #require(gyre_histogram_create())
        defer { gyre_histogram_destroy(histogram) }
        let (totals, words) = read(histogram)
        #expect(totals.count == 0)
        #expect(totals.minimum == .max)
        #expect(words.allSatisfy { $0 == 0 })
    }

    @Test func mergedCountsStayAtTheEnd() throws {
        let histogram = try #require(gyre_histogram_create())
        defer { gyre_histogram_destroy(histogram) }
        gyre_histogram_add(histogram, 5)
        gyre_histogram_add(histogram, 5)
        var words = [UInt64](repeating: 0, count: Int(Self.buckets))
        words[5] = .max - 1
        var totals = gyre_histogram_totals(count: .max - 1, sum: .max - 3, minimum: 5, maximum: 5)
        gyre_histogram_read_into(histogram, &words, &totals)
        #expect(words[5] == .max)
        #expect(totals.count == .max)
        #expect(totals.sum == .max)
    }

    @Test func theThreeTimesOfATaskAreKeptApart() throws {
        let times = try #require(gyre_task_times_create())
        defer { gyre_task_times_destroy(times) }
        gyre_task_times_add(times, 10, 20, 31)
        #expect(read(try #require(gyre_task_times_queue_wait(times))).totals.maximum == 10)
        #expect(read(try #require(gyre_task_times_run(times))).totals.maximum == 20)
        #expect(read(try #require(gyre_task_times_total(times))).totals.maximum == 31)
    }

    /// One writer, readers beside it: what a reader has counted is covered by the extremes and the sum that it read,
    /// and counts never shrink.
    @Test func aReaderBesideTheWriterSeesConsistentTotals() throws {
        let histogram = Shared(try #require(gyre_histogram_create()))
        defer { gyre_histogram_destroy(histogram.value) }
        let values: UInt64 = 100_000
        onThreads(3) { thread in
            if thread == 0 {
                // From the middle outwards, so that both extremes move all the time.
                for step in 0..<values {
                    gyre_histogram_add(histogram.value, step % 2 == 0 ? 1_000_000 + step : 1_000_000 - step)
                }
                return
            }
            var before: UInt64 = 0
            while before < values {
                let (totals, words) = read(histogram.value)
                #expect(totals.count >= before)
                before = totals.count
                guard let lowest = words.firstIndex(where: { $0 > 0 }),
                    let highest = words.lastIndex(where: { $0 > 0 })
                else { continue }
                #expect(totals.minimum <= gyre_histogram_highest(UInt32(lowest)))
                #expect(totals.maximum >= gyre_histogram_lowest(UInt32(highest)))
                #expect(totals.sum >= totals.count * totals.minimum)
            }
        }
        let (totals, _) = read(histogram.value)
        #expect(totals.count == values)
        #expect(totals.minimum == 1_000_000 - (values - 1))
        #expect(totals.maximum == 1_000_000 + values - 2)
    }

    @Test func sharedAddsFromManyThreadsLoseNothing() throws {
        let histogram = Shared(try #require(gyre_histogram_create()))
        defer { gyre_histogram_destroy(histogram.value) }
        let (threads, each): (UInt64, UInt64) = (6, 50_000)
        onThreads(Int(threads)) { thread in
            for step in 0..<each { gyre_histogram_add_shared(histogram.value, 100 + UInt64(thread) * each + step) }
        }
        let (totals, words) = read(histogram.value)
        let all = threads * each
        #expect(totals.count == all)
        #expect(totals.sum == 100 * all + all * (all - 1) / 2)
        #expect(totals.minimum == 100)
        #expect(totals.maximum == 99 + all)
        #expect(words.reduce(0, +) == all)
    }
}

/// What a C histogram holds at the moment.
private func read(_ histogram: OpaquePointer) -> (totals: gyre_histogram_totals, words: [UInt64]) {
    var totals = gyre_histogram_totals_empty()
    var words = [UInt64](repeating: 0, count: Int(GYRE_HISTOGRAM_BUCKETS))
    gyre_histogram_read_into(histogram, &words, &totals)
    return (totals, words)
}
