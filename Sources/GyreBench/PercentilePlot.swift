import Glibc
import GyreCore

/// Percentiles of two distributions as a plot of characters: the further right, the rarer; the higher, the longer.
///
/// Each step to the right divides what remains to 100 % by the same factor, as the plots of HdrHistogram do, and the
/// vertical axis is logarithmic, so that a tail does not press everything else flat.
public struct PercentilePlot: Sendable {
    private let response: LatencyHistogram
    private let service: LatencyHistogram
    private let columns: Int
    private let rows: Int

    /// - Parameters:
    ///   - columns: Room for the curves, without the labels; at least 20.
    ///   - rows: At least 4.
    public init(response: LatencyHistogram, service: LatencyHistogram, columns: Int = 64, rows: Int = 12) {
        self.response = response
        self.service = service
        self.columns = max(columns, 20)
        self.rows = max(rows, 4)
    }

    /// Lines without line ends; none when there are no values.
    ///
    /// - Complexity: O(columns × buckets).
    public var lines: [String] {
        let both = [response, service]
        guard let largest = both.compactMap(\.maximumNanoseconds).max(),
            let smallest = both.compactMap({ $0.nanoseconds(atPercentile: 50) }).min()
        else { return [] }
        let axis = Axis(bottom: Double(max(1, smallest)), top: Double(max(largest, 2 * smallest, 2)), rows: rows)
        var grid = [[Character]](repeating: [Character](repeating: " ", count: columns), count: rows)
        for column in 0..<columns {
            let values = both.map { $0.nanoseconds(atPercentile: 100 * (1 - remainder(at: column))) }
            if let value = values[1] { grid[axis.row(of: value)][column] = "s" }
            if let value = values[0] {
                let row = axis.row(of: value)
                grid[row][column] = grid[row][column] == "s" ? "*" : "r"
            }
        }
        var lines = grid.indices.reversed().map { row in
            // A label every third row: between two of them the eye interpolates.
            let label = row % 3 == 0 ? timeText(axis.value(at: row)) : ""
            return padded(label, 9) + " |" + String(grid[row])
        }
        lines.append(padded("", 9) + " +" + String(repeating: "-", count: columns))
        lines.append(padded("", 11) + percentileLabels)
        lines.append(padded("", 11) + "r response time, s service time, * both")
        return lines.map(withoutTrailingBlanks)
    }

    /// The axis ends where fewer than one value is left, at 99.9999 % at the latest.
    private var decades: Double { min(6, max(1, log10(Double(max(response.count, 10))).rounded(.down))) }

    /// The share of values beyond `column`: half at the left end.
    private func remainder(at column: Int) -> Double {
        let share = Double(column) / Double(columns - 1)
        return 0.5 * pow(2 * pow(10, -decades), share)
    }

    /// 50, 90, 99, 99.9 … below their columns.
    private var percentileLabels: String {
        var line = "50 %"
        for decade in 1...Int(decades) {
            let share = log(2 * pow(10, -Double(decade))) / log(2 * pow(10, -decades))
            let text = decade == 1 ? "90" : "99" + (decade > 2 ? "." + String(repeating: "9", count: decade - 2) : "")
            // The sign's first digit stands below its column, the last one's last.
            let start = min(Int((share * Double(columns - 1)).rounded()), columns - text.count)
            guard start > line.count else { continue }
            line = line + String(repeating: " ", count: start - line.count) + text
        }
        return line
    }

    /// The logarithmic axis of times.
    private struct Axis {
        let bottom: Double
        let top: Double
        let rows: Int

        func row(of nanoseconds: UInt64) -> Int {
            let share = log(max(Double(nanoseconds), bottom) / bottom) / log(top / bottom)
            return min(rows - 1, Int((share * Double(rows - 1)).rounded()))
        }

        func value(at row: Int) -> Double { bottom * pow(top / bottom, Double(row) / Double(rows - 1)) }
    }
}

/// A time with three significant digits in the unit that suits it, as "12.3 us".
public func timeText(_ nanoseconds: Double) -> String {
    for (unit, size) in [("ns", 1.0), ("us", 1e3), ("ms", 1e6)] where nanoseconds < 999.5 * size {
        return "\(significant(nanoseconds / size)) \(unit)"
    }
    return "\(significant(nanoseconds / 1e9)) s"
}

/// Three significant digits; whole numbers keep all of theirs.
private func significant(_ value: Double) -> String {
    let decimals = value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2
    let scale = pow(10, Double(decimals))
    let scaled = UInt64((max(0, min(value, 1e12)) * scale).rounded())
    guard decimals > 0, scaled % UInt64(scale) > 0 else { return String(scaled / UInt64(scale)) }
    let digits = String(scaled % UInt64(scale))
    return "\(scaled / UInt64(scale))." + String(repeating: "0", count: decimals - digits.count) + digits
}

private func padded(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
}

private func withoutTrailingBlanks(_ line: String) -> String {
    String(line[..<(line.lastIndex { $0 != " " }.map { line.index(after: $0) } ?? line.startIndex)])
}
