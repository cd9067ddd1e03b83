import Foundation

/// Paired ratios as a picture: a line for each cell, a dot for each peer, the strongest peer with its name and the
/// quartiles. To the right of 1 Gyre is better. The axis is logarithmic.
///
/// The colours can be read on light and on dark ground; a viewer that says which has more contrast.
struct RatioPlot {
    struct Ratio {
        let peer: String
        let median: Double
        let q1: Double
        let q3: Double
    }

    struct Line {
        let title: String
        let ratios: [Ratio]
    }

    let lines: [Line]

    private static let (labelWidth, plotWidth, rowHeight, top) = (190.0, 460.0, 24.0, 34.0)
    /// Right of the plot, for the names of the strongest peers.
    private static let margin = 150.0
    /// What lies beyond stands at the edge.
    private static let range = 0.01...1_000.0

    var svg: String {
        let height = Self.top + Self.rowHeight * Double(lines.count) + 30
        let width = Self.labelWidth + Self.plotWidth + Self.margin
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(number(width))" height="\(number(height))" \
            viewBox="0 0 \(number(width)) \(number(height))" role="img">
            <title>How many times better gyre is, by cell and peer</title>
            <style>
            text { font: 12px sans-serif }
            .label { fill: #767676 }
            .grid { stroke: #888; stroke-width: 1; opacity: 0.35 }
            .even { stroke: #767676; stroke-width: 2 }
            .other { fill: #868e96 }
            .best { fill: #1c7ed6 }
            .lost { fill: #d9480f }
            .span { stroke: #888; stroke-width: 2 }
            @media (prefers-color-scheme: dark) {
            .label { fill: #ddd }
                        .even { stroke: #ddd }
            .best { fill: #58a6ff }
            .lost { fill: #ff9a5c }
            }
            </style>
            """
        ]
        parts += ticks.map(tick)
        parts.append(text("strongest peer", Self.labelWidth + Self.plotWidth + 14, Self.top - 12, anchor: "start"))
        for (row, line) in lines.enumerated() {
            parts += draw(line, at: Self.top + Self.rowHeight * (Double(row) + 0.5))
        }
        parts.append(text("better for the peer", x(1) - 8, height - 10, anchor: "end"))
        parts.append(text("better for gyre", x(1) + 8, height - 10, anchor: "start"))
        return parts.joined(separator: "\n") + "\n</svg>\n"
    }

    // MARK: - Axis

    /// Whole factors of ten round all medians, 1 among them.
    private var bounds: (low: Double, high: Double) {
        let medians = lines.flatMap(\.ratios).map { clamp($0.median) } + [1]
        let low = Foundation.floor(log10(medians.min() ?? 1))
        let high = Foundation.ceil(log10(medians.max() ?? 1))
        return (low, Swift.max(high, low + 1))
    }

    private func clamp(_ value: Double) -> Double {
        value.isFinite ? min(max(value, Self.range.lowerBound), Self.range.upperBound) : 1
    }

    private func x(_ ratio: Double) -> Double {
        let (low, high) = bounds
        let share = (log10(clamp(ratio)) - low) / (high - low)
        return Self.labelWidth + Self.plotWidth * min(max(share, 0), 1)
    }

    private var ticks: [Double] {
        let (low, high) = bounds
        // Of a wide range there is no room for more names.
        let steps = high - low > 3 ? [1.0] : [1, 2, 5]
        return (Int(low)...Int(high)).flatMap { decade in
            steps.map { $0 * pow(10, Double(decade)) }
        }.filter { log10($0) <= high + 1e-9 }
    }

    private func tick(_ value: Double) -> String {
        let end = Self.top + Self.rowHeight * Double(lines.count)
        return """
            <line class="\(value == 1 ? "even" : "grid")" x1="\(number(x(value)))" y1="\(number(Self.top - 6))" \
            x2="\(number(x(value)))" y2="\(number(end))"/>
            \(text(tickText(value), x(value), Self.top - 12, anchor: "middle"))
            """
    }

    /// 0.01, 0.2, 5: one digit is enough for a tick.
    private func tickText(_ value: Double) -> String {
        value >= 1 ? String(Int(value.rounded())) : String((value * 100).rounded() / 100)
    }

    // MARK: - Lines

    private func draw(_ line: Line, at y: Double) -> [String] {
        var parts = [text(line.title, Self.labelWidth - 10, y + 4, anchor: "end")]
        guard let strongest = line.ratios.min(by: { $0.median < $1.median }) else { return parts }
        for ratio in line.ratios where ratio.peer != strongest.peer {
            parts.append(dot(ratio, y, "other", radius: 3))
        }
        parts.append(
            """
            <line class="span" x1="\(number(x(strongest.q1)))" y1="\(number(y))" x2="\(number(x(strongest.q3)))" \
            y2="\(number(y))"/>
            """)
        let kind = strongest.median < 1 ? "lost" : "best"
        parts.append(dot(strongest, y, kind, radius: 5))
        // In a column of their own, in the colour of the dot: beside the dots it would seem to name the last one.
        let column = Self.labelWidth + Self.plotWidth + 14
        parts.append(text(strongest.peer, column, y + 4, anchor: "start", kind: kind))
        return parts
    }

    private func dot(_ ratio: Ratio, _ y: Double, _ kind: String, radius: Double) -> String {
        """
        <circle class="\(kind)" cx="\(number(x(ratio.median)))" cy="\(number(y))" r="\(number(radius))">\
        <title>\(escaped(ratio.peer)): \(Report.threeDigits(ratio.median))</title></circle>
        """
    }

    private func text(
        _ content: String, _ x: Double, _ y: Double, anchor: String, kind: String = "label"
    ) -> String {
        let place = "x=\"\(number(x))\" y=\"\(number(y))\" text-anchor=\"\(anchor)\""
        return "<text class=\"\(kind)\" \(place)>\(escaped(content))</text>"
    }

    private func number(_ value: Double) -> String { tenths(value) }

    private func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    }
}
