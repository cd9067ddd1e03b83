import GyreBench
import GyreCore
import Testing

@Suite struct PercentilePlotTests {
    private func histogram(_ values: some Sequence<UInt64>) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for value in values { histogram.record(nanoseconds: value) }
        return histogram
    }

    @Test func nothingIsDrawnOfNothing() {
        #expect(PercentilePlot(response: LatencyHistogram(), service: LatencyHistogram()).lines.isEmpty)
    }

    @Test func curvesRiseAndTheTailIsOnTop() throws {
        let response = histogram((1...10_000).map { $0 * $0 })
        let service = histogram((1...10_000).map { _ in 100 })
        let lines = PercentilePlot(response: response, service: service, columns: 40, rows: 9).lines
        #expect(lines.count == 12)
        #expect(lines.allSatisfy { $0.count <= 51 && $0.last != " " })
        let curves = lines.prefix(9).map { line in line.drop { $0 != "|" }.dropFirst() }
        // The last column of the response is in the highest row, and no column falls.
        #expect(curves[0].last == "r")
        var last = Int.max
        for column in 0..<40 {
            let row = try #require(curves.firstIndex { Array($0).count > column && "r*".contains(Array($0)[column]) })
            #expect(row <= last)
            last = row
        }
        #expect(curves[8].allSatisfy { $0 == "s" || $0 == "*" } && curves[8].count == 40)
        #expect(lines[10].contains("50 %") && lines[10].hasSuffix("99.99"))
    }

    @Test func curvesThatMeetHaveOneSign() {
        let values = histogram((1...1_000).map { $0 * 1_000 })
        let lines = PercentilePlot(response: values, service: values).lines.dropLast()
        #expect(lines.contains { $0.contains("*") })
        #expect(!lines.contains { $0.contains("r") })
    }

    @Test(
        arguments: [
            (0, "0 ns"), (999, "999 ns"), (1_000, "1 us"), (1_234, "1.23 us"), (12_345, "12.3 us"), (999_400, "999 us"),
            (999_600, "1 ms"), (2_500_000, "2.50 ms"), (61e9, "61 s"),
        ] as [(Double, String)])
    func timesHaveThreeDigitsAndAUnit(nanoseconds: Double, text: String) {
        #expect(timeText(nanoseconds) == text)
    }
}
