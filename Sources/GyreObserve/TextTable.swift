/// Rows of cells as aligned lines: the first column to the left, the others to the right, two spaces between them.
package struct TextTable {
    private var rows: [[String]] = []

    package init() {}

    package mutating func append(_ cells: [String]) {
        rows.append(cells)
    }

    /// The rows as lines without spaces at their ends. Cells hold one character per terminal column.
    package var lines: [String] {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                line += column == 0 ? cell + padding : "  " + padding + cell
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

/// `number` with a comma between groups of three digits.
package func grouped(_ number: UInt64) -> String {
    let digits = String(number)
    var text = ""
    for (position, digit) in digits.enumerated() {
        if position > 0 && (digits.count - position) % 3 == 0 { text += "," }
        text.append(digit)
    }
    return text
}

/// `value`, not negative, rounded to one digit after the point.
package func oneDecimal(_ value: Double) -> String {
    guard value.isFinite, value < 1e15 else { return "-" }
    let tenths = UInt64((max(value, 0) * 10).rounded())
    return "\(grouped(tenths / 10)).\(tenths % 10)"
}
