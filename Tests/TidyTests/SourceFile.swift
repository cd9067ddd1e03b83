/// A text of the repository, as rules look at it.
struct SourceFile: Sendable {
    /// From the top of the repository, with slashes.
    let path: String
    let text: String
    /// The text with every comment and the inside of every string blanked, for rules about code. Lines keep their
    /// numbers.
    let code: String

    init(_ path: String, _ text: String) {
        self.path = path
        self.text = text
        switch path.split(separator: ".").last {
        case "swift": code = CodeScanner(language: .swift).blankingCommentsAndStrings(in: text)
        case "c", "h": code = CodeScanner(language: .c).blankingCommentsAndStrings(in: text)
        default: code = text
        }
    }

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var codeLines: [Substring] { code.split(separator: "\n", omittingEmptySubsequences: false) }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isC: Bool { path.hasSuffix(".c") || path.hasSuffix(".h") }

    /// The folder below `Sources`, which is the module's name.
    var module: String? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : nil
    }
}

/// Where a rule is broken.
struct Finding: Equatable, CustomStringConvertible {
    let path: String
    /// From 1; 0 for a finding about the file as a whole.
    let line: Int
    let reason: String

    init(_ path: String, _ line: Int, _ reason: String) {
        self.path = path
        self.line = line
        self.reason = reason
    }

    init(_ path: String, _ reason: String) { self.init(path, 0, reason) }

    var description: String { line == 0 ? "\(path): \(reason)" : "\(path):\(line): \(reason)" }
}

/// Tells code from comments and strings. Works on bytes: what it looks for is ASCII.
struct CodeScanner {
    enum Language { case swift, c }
    let language: Language

    func blankingCommentsAndStrings(in text: String) -> String {
        var bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            index = step(&bytes, index)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Passes one piece that begins at `index`; returns where the next begins.
    private func step(_ bytes: inout [UInt8], _ index: Int) -> Int {
        if starts("//", bytes, index) {
            return blank(&bytes, index) { bytes, at in bytes[at] == Self.newline ? at : nil }
        }
        if starts("/*", bytes, index) {
            return blank(&bytes, index) { bytes, at in starts("*/", bytes, at) ? at + 2 : nil }
        }
        let isCharacter = language == .c && bytes[index] == UInt8(ascii: "'")
        if bytes[index] == UInt8(ascii: "\"") || isCharacter { return string(&bytes, index) }
        return index + 1
    }

    /// A string or, in C, a character. `#` before the quotes of a raw string has been passed as code.
    private func string(_ bytes: inout [UInt8], _ start: Int) -> Int {
        let quote = String(decoding: [bytes[start]], as: UTF8.self)
        let isLong = language == .swift && starts("\"\"\"", bytes, start)
        let end = isLong ? "\"\"\"" : quote
        var pounds = 0
        while language == .swift, start > pounds, bytes[start - pounds - 1] == UInt8(ascii: "#") { pounds += 1 }
        let close = end + String(repeating: "#", count: pounds)
        let escape = "\\" + String(repeating: "#", count: pounds)
        var index = start + end.utf8.count
        let inside = index
        while index < bytes.count, !starts(close, bytes, index) {
            if bytes[index] == Self.newline, !isLong { break }  // not a string after all: the line ends it
            guard starts(escape, bytes, index) else {
                index += 1
                continue
            }
            index += escape.utf8.count
            index = starts("(", bytes, index) ? interpolation(&bytes, index) : index + 1
        }
        for at in inside..<min(index, bytes.count) where bytes[at] != Self.newline { bytes[at] = Self.space }
        return index + close.utf8.count
    }

    /// From the opening parenthesis of an interpolation to the byte after its closing one.
    private func interpolation(_ bytes: inout [UInt8], _ start: Int) -> Int {
        var depth = 0
        var index = start
        while index < bytes.count {
            let byte = bytes[index]
            index = step(&bytes, index)
            if byte == UInt8(ascii: "(") { depth += 1 }
            if byte == UInt8(ascii: ")") { depth -= 1 }
            if depth == 0 { break }
        }
        return index
    }

    private func blank(_ bytes: inout [UInt8], _ start: Int, until end: ([UInt8], Int) -> Int?) -> Int {
        var index = start
        while index < bytes.count {
            if let end = end(bytes, index) {
                for at in index..<end where bytes[at] != Self.newline { bytes[at] = Self.space }
                return end
            }
            if bytes[index] != Self.newline { bytes[index] = Self.space }
            index += 1
        }
        return index
    }

    private func starts(_ word: String, _ bytes: [UInt8], _ index: Int) -> Bool {
        var at = index
        for byte in word.utf8 {
            guard at < bytes.count, bytes[at] == byte else { return false }
            at += 1
        }
        return true
    }

    private static let newline = UInt8(ascii: "\n")
    private static let space = UInt8(ascii: " ")
}
