import GyreBench

/// Results as lines for machines and as tables for people.
package enum Report {
    // MARK: - Lines

    /// One JSON object a line: a row for each subject, then one for each ratio.
    package static func lines(_ result: CellResult) -> [String] {
        let title = quoted(result.cell.title)
        let metric = result.cell.metric
        let figures = result.figures.map { name, samples in
            """
            {"title":\(title),"subject":\(quoted(name)),"metric":"\(metric.name)","unit":"\(metric.unit)",\
            \(numbers(samples))}
            """
        }
        let ratios = result.ratios.map { peer, samples in
            """
            {"title":\(title),"subject":\(quoted(Cell.own)),"metric":"ratio","unit":"x","peer":\(quoted(peer)),\
            "q1":\(samples.lowerQuartile),"q3":\(samples.upperQuartile),\(numbers(samples))}
            """
        }
        return figures + ratios
    }

    private static func numbers(_ samples: Samples) -> String {
        """
        "min":\(samples.min),"median":\(samples.median),"max":\(samples.max),"samples":\(samples.count)
        """
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }

    // MARK: - Tables

    package static func table(_ result: CellResult) -> String {
        let ratios = Dictionary(uniqueKeysWithValues: result.ratios.map { ($0.peer, $0.samples) })
        let width = max(18, (result.figures.map(\.name) + result.leftOut.map(\.name)).map(\.count).max() ?? 0)
        var lines = [
            "\n\(result.cell.title), \(result.cell.metric.unit)",
            row("", ["min", "median", "max", "gyre x", "q1", "q3"], width),
        ]
        for (name, samples) in result.figures {
            var cells = [samples.min, samples.median, samples.max].map(hundredths)
            if let ratio = ratios[name] {
                cells += [ratio.median, ratio.lowerQuartile, ratio.upperQuartile].map(hundredths)
            }
            lines.append(row(name, cells, width))
        }
        for (name, reason) in result.leftOut { lines.append("  " + padded(name, width) + "   left out: \(reason)") }
        for verdict in result.verdicts { lines.append("  " + verdict.text) }
        if let note = result.cell.note { lines.append("  " + note) }
        if result.disturbance.isNoisy { lines.append("  noisy: \(result.disturbance.text)") }
        return lines.joined(separator: "\n")
    }

    private static func row(_ name: String, _ cells: [String], _ width: Int) -> String {
        cells.reduce("  " + padded(name, width)) { line, cell in
            line + String(repeating: " ", count: max(1, 10 - cell.count)) + cell
        }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// A figure with two decimals.
    static func hundredths(_ value: Double) -> String {
        let scaled = Int((value * 100).rounded())
        let decimals = String(abs(scaled) % 100)
        return "\(scaled / 100).\(decimals.count < 2 ? "0" : "")\(decimals)"
    }
    /// A figure with three significant digits; whole numbers keep all of theirs.
    static func threeDigits(_ value: Double) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "-" }
        let decimals = abs(value) >= 99.95 ? 0 : abs(value) >= 9.995 ? 1 : abs(value) >= 0.9995 ? 2 : 3
        let scale = [1.0, 10, 100, 1_000][decimals]
        let scaled = Int((abs(value) * scale).rounded())
        let (whole, rest) = (scaled / Int(scale), String(scaled % Int(scale)))
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0, scaled % Int(scale) > 0 else { return "\(sign)\(whole)" }
        return "\(sign)\(whole)." + String(repeating: "0", count: decimals - rest.count) + rest
    }
}
