import Foundation

/// One condition in the source, and whether it was true and false.
struct CoverageBranch: Equatable {
    /// Below the folder of the C sources.
    let file: String
    /// From 1.
    let lineNumber: Int
    /// The source line without blanks around it and without the comment at its end, and the condition in it.
    let line: String
    let condition: String
    /// Not zero where it happened.
    private(set) var trueCount: UInt64
    private(set) var falseCount: UInt64

    /// Adds counts. Only whether they are zero matters, and what the tool computes from the counts of a program that
    /// was killed may be near 2^64.
    mutating func happened(_ trueTimes: UInt64, _ falseTimes: UInt64) {
        trueCount |= trueTimes
        falseCount |= falseTimes
    }

    /// The outcomes that did not happen.
    var missed: [String] {
        (trueCount == 0 ? ["true"] : []) + (falseCount == 0 ? ["false"] : [])
    }
}

/// What `llvm-cov export` says.
struct CoverageExport {
    private struct Document: Decodable {
        struct Part: Decodable { let files: [File] }
        let data: [Part]
    }
    private struct File: Decodable {
        struct Summary: Decodable { let lines: Lines }
        struct Lines: Decodable { let count, covered: Int }
        let filename: String
        /// First and last line and column, how often true, how often false, and more.
        let branches: [[UInt64]]
        let summary: Summary
    }

    private let files: [File]

    init(json: Data) throws {
        files = try JSONDecoder().decode(Document.self, from: json).data.flatMap(\.files)
    }

    func lines(in folder: String, top: URL) -> (count: Int, covered: Int) {
        let here = files.filter { $0.filename.hasPrefix(top.path + "/" + folder) }
        return here.reduce((0, 0)) { ($0.0 + $1.summary.lines.count, $0.1 + $1.summary.lines.covered) }
    }

    func branches(in folder: String, top: URL) -> [CoverageBranch] {
        let start = top.path + "/" + folder
        return files.filter { $0.filename.hasPrefix(start) }.flatMap { file -> [CoverageBranch] in
            guard let text = FileManager.default.contents(atPath: file.filename) else { return [] }
            let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map(Array.init)
            let name = String(file.filename.dropFirst(start.count))
            // An inline function has counts for each program unit that emits it: one condition, the sum of all.
            var all: [[UInt64]: CoverageBranch] = [:]
            for branch in file.branches where branch.count >= 6 {
                let place = Array(branch[0..<4])
                let new = Self.branch(at: place, name, lines)
                all[place, default: new].happened(branch[4], branch[5])
            }
            return all.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
        }
    }

    private static func branch(at place: [UInt64], _ file: String, _ lines: [[UInt8]]) -> CoverageBranch {
        let number = Int(place[0])
        let bytes = number <= lines.count ? lines[number - 1] : []
        let end = place[2] == place[0] ? Int(place[3]) - 1 : bytes.count
        let condition = bytes.dropFirst(Int(place[1]) - 1).prefix(max(0, end - Int(place[1]) + 1))
        func trimmed(_ bytes: some Sequence<UInt8>) -> String {
            String(decoding: Array(bytes), as: UTF8.self).trimmingCharacters(in: .whitespaces)
        }
        return CoverageBranch(
            file: file, lineNumber: number, line: trimmed(withoutComment(bytes)), condition: trimmed(condition),
            trueCount: 0, falseCount: 0)
    }
}

/// No string of ours holds two slashes behind a blank.
private func withoutComment(_ line: [UInt8]) -> [UInt8] {
    guard let start = line.firstRange(of: Array(" // ".utf8)) else { return line }
    return Array(line[..<start.lowerBound])
}

/// Which branches lack a test, and which exceptions lack a branch.
struct CoverageVerdict {
    /// By file, how many outcomes its conditions have.
    private(set) var outcomes: [String: UInt64] = [:]
    /// By file, one line for each outcome that neither happened nor is excepted.
    private(set) var missed: [String: [String]] = [:]
    /// One line for each exception that does not say what is so.
    private(set) var staleExceptions: [String] = []

    init(_ branches: [CoverageBranch], exceptions: [CoverageException]) {
        var places: [CoverageException.Place: [String]] = [:]
        for branch in branches {
            outcomes[branch.file, default: 0] += 2
            let place = CoverageException.Place(file: branch.file, line: branch.line)
            for outcome in branch.missed {
                let path = "\(Coverage.folderOfC)\(branch.file):\(branch.lineNumber)"
                places[place, default: []].append("\(path): '\(branch.condition)' is never \(outcome)")
            }
        }
        let table = Dictionary(grouping: exceptions, by: \.place)
        for (place, found) in places where found.count > (table[place]?.first?.outcomes ?? 0) {
            missed[place.file, default: []] += found
        }
        for exception in exceptions {
            let found = places[exception.place]?.count ?? 0
            if table[exception.place]?.count != 1 {
                staleExceptions.append("\(exception): the table has this line twice")
            } else if !exception.isSometimes, found < exception.outcomes {
                staleExceptions.append("\(exception): \(found) outcomes are missed, not \(exception.outcomes)")
            } else if !branches.contains(where: { $0.file == exception.file && $0.line == exception.line }) {
                staleExceptions.append("\(exception): there is no such line with a branch")
            }
        }
        for file in missed.keys { missed[file]?.sort() }
    }
}
