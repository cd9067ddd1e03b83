/// Ten columns of printable ASCII, the last a sentence, and nothing behind it.
func checkLine(_ line: DecisionLine) {
    let bytes = line.bytes.indices.map { line.bytes[$0] }
    precondition(line.count <= 160)
    precondition(bytes[line.count...].allSatisfy { $0 == 0 })
    let text = bytes[..<line.count]
    precondition(text.last == UInt8(ascii: "\n") && text.dropLast().last == UInt8(ascii: "."))
    precondition(text.dropLast().allSatisfy { (0x20..<0x7F).contains($0) || $0 == UInt8(ascii: "\t") })
    let columns = text.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
    precondition(columns.count == 10 && columns.allSatisfy { !$0.isEmpty })
}
