import Testing

@testable import GyreCore

@Suite struct LatencyHistogramTests {
    @Test func anEmptyHistogramHasNoValues() {
        let histogram = LatencyHistogram()
        #expect(histogram.count == 0)
        #expect(histogram.minimum == nil)
        #expect(histogram.maximum == nil)
        #expect(histogram.meanNanoseconds == nil)
        #expect(histogram.value(atPercentile: 50) == nil)
        #expect(histogram.standardDeviationNanoseconds == 0)
    }

    @Test func percentilesOfOneToAHundredThousandAreWithinTheBound() throws {
        var histogram = LatencyHistogram()
        for value in 1...100_000 { histogram.record(.nanoseconds(value)) }
        for percentile in stride(from: 0.5, through: 99.5, by: 0.5) {
            let exact = (percentile * 1_000).rounded(.up)
            let reported = Double(try #require(histogram.nanoseconds(atPercentile: percentile)))
            #expect(abs(reported - exact) <= exact / 128, "p\(percentile)")
        }
        #expect(histogram.meanNanoseconds == 50_000.5)
        #expect(histogram.minimum == .nanoseconds(1))
        #expect(histogram.maximum == .nanoseconds(100_000))
    }

    @Test func theEndsAreExact() {
        var histogram = LatencyHistogram()
        for value: UInt64 in [1_000_003, 2_000_003, 3_000_007] { histogram.record(nanoseconds: value) }
        #expect(histogram.nanoseconds(atPercentile: 0) == 1_000_003)
        #expect(histogram.nanoseconds(atPercentile: 100) == 3_000_007)
        #expect(histogram.nanoseconds(atPercentile: -.infinity) == 1_000_003)
        #expect(histogram.nanoseconds(atPercentile: 1e9) == 3_000_007)
        #expect(histogram.nanoseconds(atPercentile: .nan) == nil)
    }

    @Test func nothingReportedLiesOutsideTheExtremes() {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: 1_000_003, times: 10)
        for percentile in stride(from: 0.0, through: 100, by: 5) {
            #expect(histogram.nanoseconds(atPercentile: percentile) == 1_000_003)
        }
    }

    @Test func valuesBeyondTheRangeKeepTheirMaximum() {
        var histogram = LatencyHistogram()
        histogram.record(.seconds(100_000))
        histogram.record(nanoseconds: .max)
        #expect(histogram.minimum == .seconds(100_000))
        #expect(histogram.maximumNanoseconds == .max)
        #expect(histogram.sumNanoseconds == .max)
    }

    @Test func aNegativeDurationCountsAsZero() {
        var histogram = LatencyHistogram()
        histogram.record(.seconds(-1))
        #expect(histogram.maximum == .zero)
        #expect(histogram.count == 1)
    }

    @Test func mergingIsRecordingBoth() {
        var (left, right, both) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value: UInt64 in 0..<1_000 {
            left.record(nanoseconds: value * 7)
            right.record(nanoseconds: value * value)
            both.record(nanoseconds: value * 7)
            both.record(nanoseconds: value * value)
        }
        var merged = left
        merged.merge(right)
        #expect(merged == both)
        merged.merge(LatencyHistogram())
        #expect(merged == both)
        var fromNothing = LatencyHistogram()
        fromNothing.merge(both)
        #expect(fromNothing == both)
    }

    @Test func countsNearTheEndOfTheirRangeStayThere() {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: 5, times: .max - 1)
        histogram.record(nanoseconds: 50, times: 3)
        #expect(histogram.count == .max)
        #expect(histogram.sumNanoseconds == .max)
        #expect(histogram.nanoseconds(atPercentile: 50) == 5)
        #expect(histogram.nanoseconds(atPercentile: 100) == 50)
        #expect(histogram.percentileText().contains("1.000000000000"))
    }

    @Test func aCellIsReadIntoAHistogram() {
        let cell = HistogramCell()
        var expected = LatencyHistogram()
        for value: UInt64 in [3, 300, 30_000, 3_000_000_000] {
            cell.record(nanoseconds: value)
            expected.record(nanoseconds: value)
        }
        #expect(cell.read() == expected)
        var twice = cell.read()
        cell.read(into: &twice)
        #expect(twice.count == 8)
        #expect(twice.sumNanoseconds == expected.sumNanoseconds * 2)
        #expect(HistogramCell().read() == LatencyHistogram())
    }

    @Test func aWindowHoldsWhatCameSinceTheLastLook() {
        let cell = HistogramCell()
        var window = HistogramWindow()
        var all = LatencyHistogram()
        window.advance(over: cell)
        #expect(window.values.count == 0)
        for look in 1...5 {
            let before = all
            for value in 1...(10 * look) {
                cell.record(nanoseconds: UInt64(value * look))
                all.record(nanoseconds: UInt64(value * look))
            }
            window.advance(over: cell)
            #expect(window.values.count == UInt64(10 * look))
            #expect(window.values.sumNanoseconds == all.sumNanoseconds - before.sumNanoseconds)
            #expect(window.values.nanoseconds(atPercentile: 50) == all.since(before).nanoseconds(atPercentile: 50))
            #expect(window.values.minimumNanoseconds == UInt64(look))
        }
        window.advance(over: cell)
        #expect(window.values.count == 0 && window.values.nanoseconds(atPercentile: 50) == nil)
        #expect(window.values.sumNanoseconds == 0)
    }

    @Test func aCellTakesSharedRecordingFromManyThreads() {
        let cell = HistogramCell()
        onThreads(4) { _ in
            for value: UInt64 in 0..<1_000 { cell.recordShared(nanoseconds: value) }
        }
        #expect(cell.read().count == 4_000)
    }

    /// The layout that HdrHistogram's plotters parse, line by line.
    @Test func percentileTextHasTheLayoutOfHdrHistogram() {
        var histogram = LatencyHistogram()
        for value: UInt64 in 1...10 { histogram.record(nanoseconds: value * 10) }
        let lines = histogram.percentileText(in: .nanoseconds).split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[0] == "       Value     Percentile TotalCount 1/(1-Percentile)")
        #expect(lines[1] == "")
        #expect(lines[2] == "      10.000 0.000000000000          1           1.00")
        #expect(lines[3] == "      10.000 0.100000000000          1           1.11")
        #expect(lines[4] == "      20.000 0.200000000000          2           1.25")
        #expect(lines[7] == "      50.000 0.500000000000          5           2.00")
        #expect(lines[8] == "      60.000 0.550000000000          6           2.22")
        #expect(lines.contains("     100.000 1.000000000000         10"))
        #expect(lines.contains("#[Mean    =       55.000, StdDeviation   =       28.723]"))
        #expect(lines.contains("#[Max     =      100.000, Total count    =           10]"))
        #expect(lines.contains("#[Buckets =           37, SubBuckets     =           64]"))
        #expect(lines.last == "")
    }

    @Test func percentileTextGrowsInEveryColumn() throws {
        var histogram = LatencyHistogram()
        for value: UInt64 in 1...50_000 { histogram.record(nanoseconds: value &* value) }
        let text = histogram.percentileText(in: .microseconds)
        let rows = text.split(separator: "\n").filter { $0.first == " " }.dropFirst().map { line in
            line.split(separator: " ").compactMap { Double($0) }
        }
        #expect(rows.count > 40)
        for (before, after) in zip(rows, rows.dropFirst()) {
            #expect(before[0] <= after[0])
            #expect(before[1] < after[1])
            #expect(before[2] <= after[2])
        }
        let last = try #require(rows.last)
        #expect(last == [2_500_000, 1, 50_000])
    }

    @Test func percentileTextOfNothingIsHeaderAndFooter() {
        #expect(LatencyHistogram().percentileText().split(separator: "\n").count == 4)
    }

    @Test(arguments: LatencyHistogram.ExportUnit.allCases)
    func unitsScaleTheValuesOnly(_ unit: LatencyHistogram.ExportUnit) {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: 1_234_567_890)
        let expected =
            switch unit {
            case .nanoseconds: "1234567890.000 1.000000000000          1"
            case .microseconds: " 1234567.890 1.000000000000          1"
            case .milliseconds: "    1234.567 1.000000000000          1"
            }
        #expect(histogram.percentileText(in: unit).contains("\n" + expected + "\n"))
    }
}
