/// Takes a log apart, byte by byte; ``lineNumber`` is where it stands when it throws.
struct PurchaseLogParser {
    /// What is wrong with the line.
    struct Failure: Error {
        let text: String
    }

    private(set) var layout = PurchaseLog.Layout.sample
    /// In the order of the file.
    private(set) var purchases: [Purchase] = []
    /// The line being read, from 1.
    private(set) var lineNumber = 1

    /// Columns by their first byte and the byte after their last; five fit, and the count goes on.
    private var columns = InlineArray<5, (start: Int, end: Int)>(repeating: (0, 0))
    private var columnCount = 0

    private static let lineBytesMax = 256
    private static let header = ["customer_id", "date", "number_of_cds", "dollar_value"]

    mutating func parse(_ bytes: Span<UInt8>, lineLimit: Int) throws(Failure) {
        guard !bytes.isEmpty else { throw Failure(text: "the file is empty") }
        // A line of the data set has 27 bytes or more; the room is bounded for a file that is no log at all.
        purchases.reserveCapacity(min(bytes.count / 27 + 1, 1 << 20))
        var position = 0
        while position < bytes.count {
            guard lineNumber <= lineLimit else {
                throw Failure(text: "more than \(lineLimit) lines")
            }
            position = try splitLine(bytes, from: position)
            if lineNumber == 1 && isHeader(bytes) {
                layout = .master
            } else {
                purchases.append(try purchase(bytes))
            }
            lineNumber += 1
        }
        guard !purchases.isEmpty else { throw Failure(text: "the log holds no purchase") }
    }

    /// Finds the columns of the line that begins at `start`. Returns where the next line begins.
    private mutating func splitLine(_ bytes: Span<UInt8>, from start: Int) throws(Failure) -> Int {
        columnCount = 0
        var inColumn = false
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            if byte > UInt8(ascii: " ") && byte < 0x7F {
                if !inColumn {
                    inColumn = true
                    if columnCount < 5 { columns[columnCount].start = position }
                    columnCount += 1
                }
                if columnCount <= 5 { columns[columnCount - 1].end = position + 1 }
            } else if byte == UInt8(ascii: " ") {
                inColumn = false
            } else if byte == UInt8(ascii: "\n") {
                return position + 1
            } else if byte == UInt8(ascii: "\r") && position + 1 < bytes.count
                && bytes[position + 1] == UInt8(ascii: "\n")
            {
                return position + 2
            } else {
                throw Failure(text: Self.unprintable(byte, at: position - start + 1, ofFile: position))
            }
            position += 1
            guard position - start <= Self.lineBytesMax else {
                throw Failure(text: "the line is longer than \(Self.lineBytesMax) bytes")
            }
        }
        return position
    }

    private static func unprintable(_ byte: UInt8, at position: Int, ofFile offset: Int) -> String {
        let digits = String(byte, radix: 16, uppercase: true)
        let name = "byte 0x\(digits.count < 2 ? "0" : "")\(digits) at position \(position)"
        if offset == 0 && byte >= 0xEF { return "\(name): the log is plain ASCII, without a byte order mark" }
        return "\(name): the log is plain ASCII text"
    }

    private func isHeader(_ bytes: Span<UInt8>) -> Bool {
        guard columnCount == Self.header.count else { return false }
        for (number, name) in Self.header.enumerated() {
            let column = columns[number]
            guard column.end - column.start == name.utf8.count else { return false }
            for (offset, byte) in name.utf8.enumerated() where bytes[column.start + offset] != byte { return false }
        }
        return true
    }

    private func purchase(_ bytes: Span<UInt8>) throws(Failure) -> Purchase {
        let expected = layout == .master ? 4 : 5
        guard columnCount == expected else {
            var text = "\(columnCount) columns where \(expected) are expected"
            if lineNumber == 1 && columnCount == 4 {
                text += " (a log of 4 columns begins with the line '\(Self.header.joined(separator: " "))')"
            }
            throw Failure(text: text)
        }
        let customer = try number(bytes, columns[0], "the customer", digitsMax: 9)
        if layout == .sample { _ = try number(bytes, columns[1], "the number within the sample", digitsMax: 9) }
        let date = try date(bytes, columns[expected - 3])
        let discs = try number(bytes, columns[expected - 2], "the number of CDs", digitsMax: 4)
        guard discs > 0 else { throw Failure(text: "the number of CDs is 0") }
        let cents = try cents(bytes, columns[expected - 1])
        return Purchase(index: 0, customer: customer, date: date, discs: discs, cents: cents)
    }

    private func number(
        _ bytes: Span<UInt8>, _ column: (start: Int, end: Int), _ what: String, digitsMax: Int
    ) throws(Failure) -> UInt32 {
        guard column.end - column.start <= digitsMax, let value = digits(bytes, column.start, column.end) else {
            throw Failure(
                text: "\(what) is '\(text(bytes, column))', which is not a number of 1 to \(digitsMax) digits")
        }
        return value
    }

    private func date(_ bytes: Span<UInt8>, _ column: (start: Int, end: Int)) throws(Failure) -> CalendarDate {
        guard column.end - column.start == 8, let number = digits(bytes, column.start, column.end) else {
            throw Failure(text: "the date is '\(text(bytes, column))', which is not of the form YYYYMMDD")
        }
        let date = CalendarDate(year: number / 10_000, month: number / 100 % 100, day: number % 100)
        guard let date else {
            throw Failure(text: "the date is '\(text(bytes, column))', which is not a day from 1970 to 2099")
        }
        return date
    }

    private func cents(_ bytes: Span<UInt8>, _ column: (start: Int, end: Int)) throws(Failure) -> UInt32 {
        let point = column.end - 3
        guard point > column.start, point - column.start <= 7, bytes[point] == UInt8(ascii: "."),
            let dollars = digits(bytes, column.start, point), let cents = digits(bytes, point + 1, column.end)
        else {
            throw Failure(
                text: "the dollars are '\(text(bytes, column))', which is not 1 to 7 digits, a point and 2 digits")
        }
        return dollars * 100 + cents
    }

    /// The number that the bytes from `start` to before `end` spell, at least one and at most nine digits.
    private func digits(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt32? {
        var value: UInt32 = 0
        for position in start..<end {
            let digit = bytes[position] &- UInt8(ascii: "0")
            guard digit <= 9 else { return nil }
            value = value * 10 + UInt32(digit)
        }
        return value
    }

    private func text(_ bytes: Span<UInt8>, _ column: (start: Int, end: Int)) -> String {
        String(decoding: (column.start..<column.end).map { bytes[$0] }, as: UTF8.self)
    }
}
