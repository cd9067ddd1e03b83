import Glibc

/// The lines of all purchases, each in a place of its own, so that workers fill it in any order without a lock.
///
/// Lives as long as somebody holds it; the places are of one size, which takes 168 bytes for each purchase.
final class DecisionBuffer: @unchecked Sendable {
    // Sendable because each place has one writer, and whoever reads all places learned that the writers are done
    // through an operation that orders memory: the count of purchases that have not ended.
    private let lines: UnsafeMutableBufferPointer<DecisionLine>

    init(count: Int) {
        lines = .allocate(capacity: count)
        lines.initialize(repeating: DecisionLine())
    }

    deinit {
        lines.deinitialize()
        lines.deallocate()
    }

    /// Fills a place. One thread per place, and nobody reads meanwhile.
    func store(_ line: DecisionLine, at index: UInt32) {
        lines[Int(index)] = line
    }

    /// Whether the place holds the same bytes. Nobody writes meanwhile.
    func holds(_ line: DecisionLine, at index: UInt32) -> Bool {
        // All of it, in place: a line is zero behind its end, and one that is compared as a value is copied first.
        let kept = UnsafeRawPointer(lines.baseAddress! + Int(index))
        return withUnsafeBytes(of: line) { memcmp($0.baseAddress!, kept, $0.count) == 0 }
    }

    /// Writes all lines in order.
    func write(to file: borrowing WholeFile) throws(WholeFileError) {
        // A chunk at a time: one system call for each line would cost more than the run.
        var chunk: [UInt8] = []
        chunk.reserveCapacity(1 << 16)
        for line in lines {
            let bytes = line.bytes.span.extracting(0..<line.count)
            for index in bytes.indices { chunk.append(bytes[index]) }
            if chunk.count > (1 << 16) - DecisionLine.bytesMax {
                try file.write(chunk.span.bytes)
                chunk.removeAll(keepingCapacity: true)
            }
        }
        try file.write(chunk.span.bytes)
    }
}
