/// What a run of the test suite printed, and what a reader needs of it who has only that to go by.
struct SuiteOutput {
    private let lines: [Substring]
    private let command: Command

    /// A report of a sanitizer, or what a test says of an issue, is no longer than this.
    private static let linesMax = 40
    private static let reportsMax = 3
    private static let issuesMax = 10

    init(_ command: Command) {
        self.command = command
        lines = command.output.split(separator: "\n")
    }

    /// Tests that ended well.
    var passed: UInt64 {
        UInt64(lines.count { Self.isTest($0, "✔") && $0.contains(" passed after ") })
    }

    /// Everything that is wrong, most telling first: reports of a sanitizer, each of which begins with one of `marks`,
    /// and issues of tests. Of a run that ended badly without any: what the compiler has to say, the tests that it was
    /// in, and its last words.
    func findings(marks: [String] = []) -> [String] {
        let reports = blocks(of: Self.reportsMax, "reports", from: { line in marks.contains { line.contains($0) } }) {
            $0.hasPrefix("SUMMARY:") || $0.allSatisfy { $0 == "=" }
        }
        let issues = blocks(of: Self.issuesMax, "issues", from: { $0.contains("recorded an issue") }) {
            Self.isTest($0, "✘") || Self.isTest($0, "✔") || Self.isTest($0, "◇")
        }
        var found = reports + issues
        if command.status != 0, found.isEmpty {
            found = lines.filter { $0.contains("error: ") }.prefix(Self.issuesMax).map(String.init)
            found += unfinished.map { "\($0) began and did not end" } + [command.lastLines(15)]
        }
        if command.status != 0 { found.append("the suite ended with status \(command.status)") }
        if passed == 0 { found.append("no test was seen to pass") }
        return found
    }

    /// What stands between a line that begins something and one that ends it, the first `count` times.
    private func blocks(
        of count: Int, _ what: String, from begins: (Substring) -> Bool, to ends: (Substring) -> Bool
    ) -> [String] {
        let starts = lines.indices.filter { begins(lines[$0]) }
        var found = starts.prefix(count).map { start in
            let rest = lines[(start + 1)...].prefix(Self.linesMax)
            let end = rest.firstIndex { ends($0) || begins($0) } ?? rest.endIndex
            return lines[start..<end].joined(separator: "\n")
        }
        if starts.count > count { found.append("and \(starts.count - count) more \(what)") }
        return found
    }

    /// Names of tests that were going on when the suite ended.
    private var unfinished: [Substring] {
        var open: [Substring] = []
        for line in lines {
            if Self.isTest(line, "◇"), line.hasSuffix(" started.") {
                open.append(line.dropFirst("◇ ".count).dropLast(" started.".count))
            } else if Self.isTest(line, "✔") || Self.isTest(line, "✘") {
                open.removeAll { line.dropFirst("✔ ".count).hasPrefix($0) }
            }
        }
        return open
    }

    /// Whether the line tells of one test, and not of the whole run.
    private static func isTest(_ line: Substring, _ symbol: Character) -> Bool {
        line.first == symbol && line.dropFirst().hasPrefix(" Test ") && !line.dropFirst().hasPrefix(" Test run ")
    }
}
