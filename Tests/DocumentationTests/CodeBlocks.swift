import Foundation

/// Swift code in pages, and the files that compile it.
enum CodeBlocks {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Files with the extension `type` in a folder, by path from the top.
    static func files(in folder: String, _ type: String) throws -> [String] {
        let names = try FileManager.default.contentsOfDirectory(atPath: root.appendingPathComponent(folder).path)
        return names.filter { $0.hasSuffix(".\(type)") }.sorted().map { "\(folder)/\($0)" }
    }

    /// The lines between "```swift" and "```", block by block.
    static func extract(from page: String) -> [[Substring]] {
        var blocks: [[Substring]] = []
        var open: [Substring]?
        for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```", let block = open {
                blocks.append(block)
                open = nil
            } else if open != nil {
                open?.append(line)
            } else if line == "```swift" {
                open = []
            }
        }
        return blocks
    }

    /// Whether `source` has the imports of `block` somewhere and all its other lines together, at any indentation.
    static func compiles(_ block: [Substring], in source: String) -> Bool {
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        let isImport = { (line: Substring) in line.hasPrefix("import ") }
        guard block.filter(isImport).allSatisfy(lines.contains) else { return false }
        let code = block.drop { $0.isEmpty || isImport($0) }
        guard let first = code.first, lines.count >= code.count else { return false }
        return (0...(lines.count - code.count)).contains { start in
            guard lines[start].hasSuffix(first) else { return false }
            let indentation = lines[start].dropLast(first.count)
            guard indentation.allSatisfy({ $0 == " " }) else { return false }
            return zip(code, lines[start...]).allSatisfy { $0 == $1 || (!$0.isEmpty && indentation + $0 == $1) }
        }
    }
}
