import Gyre
import GyreBench
import GyreObserve

/// What the runs of `gyre bench` showed: for a person, or one JSON object a line.
struct BenchReport {
    let kind: BenchKind
    let settings: String
    let isOpenLoop: Bool
    /// One for each run.
    let results: [LoadResult]
    /// The run that is compared with.
    let earlier: BenchStore.Kept?

    /// All runs as one.
    let whole: LoadResult

    /// - Precondition: there is at least one result.
    init(
        kind: BenchKind, settings: String, isOpenLoop: Bool, results: [LoadResult],
        earlier: BenchStore.Kept?
    ) {
        self.kind = kind
        self.settings = settings
        self.isOpenLoop = isOpenLoop
        self.results = results
        self.earlier = earlier
        var whole = results[0]
        for result in results.dropFirst() { whole.merge(result) }
        self.whole = whole
    }

    private static let times: [LoadFigure.Kind] = [
        .percentile(50), .percentile(90), .percentile(99), .percentile(99.9), .percentile(99.99), .max, .mean,
    ]
    private static let figures =
        [false, true].flatMap { isService in times.map { LoadFigure($0, isService: isService) } }
        + [LoadFigure(.rate), LoadFigure(.refused)]

    /// A figure of each run. `nil` when a run has none, because nothing ended.
    private func samples(of figure: LoadFigure) -> Samples? {
        let values = results.compactMap(figure.value)
        return values.count == results.count ? Samples(values) : nil
    }

    // MARK: - Lines

    /// One JSON object a line, with the median, the best and the worst of the runs.
    var lines: [String] {
        Self.figures.compactMap { figure in
            samples(of: figure).map { samples in
                var object = JSONObject()
                object["title"] = .string(kind.title)
                object["subject"] = .string("gyre")
                object["metric"] = .string(figure.name)
                object["unit"] = .string(figure.isTime ? "ns" : figure.kind == .rate ? "1/s" : "operations")
                object["min"] = .number(samples.min)
                object["median"] = .number(samples.median)
                object["max"] = .number(samples.max)
                object["samples"] = .integer(UInt64(samples.count))
                object["settings"] = .string(settings)
                return object.line
            }
        }
    }

    // MARK: - Text

    var text: String {
        var lines = [
            "\(kind.title): \(settings)",
            "\(grouped(whole.accepted)) operations, \(grouped(UInt64(whole.perSecond.rounded()))) a second, "
                + "\(grouped(whole.refused)) refused",
            "",
        ]
        lines += table + [""]
        if !isOpenLoop { lines += ["closed loop: without intended starts both times are the service time", ""] }
        lines += PercentilePlot(response: whole.response, service: whole.service).lines
        return lines.map { $0 + "\n" }.joined()
    }

    private var table: [String] {
        var table = TextTable()
        let name = earlier?.name
        table.append(
            ["", "response", "service"] + (results.count > 1 ? ["of \(results.count) runs, least", "most"] : [])
                + (name.map { [$0, "response x"] } ?? []))
        for kind in Self.times {
            let (response, service) = (LoadFigure(kind), LoadFigure(kind, isService: true))
            var row = [response.name] + [response, service].map { text($0, $0.value(in: whole)) }
            if results.count > 1 {
                row += [samples(of: response)?.min, samples(of: response)?.max].map { text(response, $0) }
            }
            if let earlier {
                let before = earlier.medians[response.name]
                row += [text(response, before), times(response.value(in: whole), before)]
            }
            table.append(row)
        }
        var lines = table.lines
        if let earlier, earlier.settings != settings {
            lines.append("\(earlier.name) was measured with other settings: \(earlier.settings)")
        }
        return lines
    }

    private func text(_ figure: LoadFigure, _ value: Double?) -> String { value.map(figure.text) ?? "-" }

    /// How many times as long as before; above 1 is longer.
    private func times(_ value: Double?, _ before: Double?) -> String {
        guard let value, let before, before > 0 else { return "-" }
        let hundredths = UInt64((min(value / before, 1e12) * 100).rounded())
        return "\(grouped(hundredths / 100)).\(hundredths % 100 / 10)\(hundredths % 10)"
    }

    // MARK: - Conditions

    /// Whether `condition` holds in all runs as one.
    func holds(_ condition: Condition) -> Bool {
        condition.holds(in: whole, compared: earlier?.medians[condition.figure.name])
    }

    /// What a condition that holds says.
    func verdict(_ condition: Condition) -> String {
        "\(condition.text): \(condition.figure.name) is \(text(condition.figure, condition.figure.value(in: whole)))"
    }
}
