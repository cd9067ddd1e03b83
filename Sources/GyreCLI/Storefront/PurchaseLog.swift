import Glibc

/// The purchases of a log, in replay order: by date, those of one date in the order of the file.
///
/// The formats are those of the workload's page. Reading is strict: a line that is not exactly a purchase is an
/// error, and nothing is skipped or repaired.
struct PurchaseLog: Sendable, Equatable {
    enum Layout: Sendable, Equatable {
        /// A header line and 4 columns: customer, date, CDs, dollars.
        case master
        /// No header and 5 columns, the second a number of the customer within the sample.
        case sample
    }

    let layout: Layout
    let purchases: [Purchase]
    let customerCount: Int

    /// Reads the whole file at `path`; a pipe is read to its end.
    init(path: String) throws(PurchaseLogError) {
        try self.init(bytes: Self.contents(of: path), name: path)
    }

    /// Parses a whole log.
    ///
    /// - Parameters:
    ///   - bytes: What the file holds.
    ///   - name: The file's name, for errors.
    ///   - lineLimit: The largest number of lines; a purchase's index has 32 bits.
    init(bytes: [UInt8], name: String, lineLimit: Int = 1 << 31) throws(PurchaseLogError) {
        var parser = PurchaseLogParser()
        do {
            try parser.parse(bytes.span, lineLimit: lineLimit)
        } catch {
            throw PurchaseLogError(file: name, line: parser.lineNumber, reason: error.text)
        }
        layout = parser.layout
        purchases = Self.inReplayOrder(parser.purchases)
        customerCount = Set(purchases.lazy.map(\.customer)).count
    }

    /// The key holds the date above the position, so that an unstable sort keeps ties in order.
    private static func inReplayOrder(_ purchases: [Purchase]) -> [Purchase] {
        var keys = [UInt64]()
        keys.reserveCapacity(purchases.count)
        for (position, purchase) in purchases.enumerated() {
            keys.append(UInt64(purchase.date.daysSince1970) << 32 | UInt64(position))
        }
        keys.sort()
        return keys.enumerated().map { index, key in
            var purchase = purchases[Int(key & 0xFFFF_FFFF)]
            purchase.index = UInt32(index)
            return purchase
        }
    }

    private static func contents(of path: String) throws(PurchaseLogError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw PurchaseLogError(file: path, systemError: errno) }
        defer { close(descriptor) }

        // The size is a hint: one byte more than it shows the end of a regular file without growing.
        var status = stat()
        let sizeHint = fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
        var bytes = [UInt8](repeating: 0, count: max(sizeHint + 1, 1 << 16))
        var count = 0
        while true {
            if count == bytes.count { bytes.append(contentsOf: repeatElement(0, count: count)) }
            let received = bytes.withUnsafeMutableBytes { room in
                read(descriptor, room.baseAddress! + count, room.count - count)
            }
            if received > 0 {
                count += received
            } else if received == 0 {
                break
            } else if errno != EINTR {
                throw PurchaseLogError(file: path, systemError: errno)
            }
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// Why a log cannot be replayed, as one line: file, line (when it is known), reason.
struct PurchaseLogError: Error, Equatable, CustomStringConvertible {
    let file: String
    /// From 1. Nil when the file could not be read at all.
    let line: Int?
    let reason: String

    init(file: String, line: Int?, reason: String) {
        self.file = file
        self.line = line
        self.reason = reason
    }

    init(file: String, systemError code: Int32) {
        self.init(file: file, line: nil, reason: systemErrorText(code))
    }

    var description: String {
        line.map { "\(file):\($0): \(reason)" } ?? "\(file): \(reason)"
    }
}
