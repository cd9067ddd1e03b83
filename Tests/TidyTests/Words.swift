/// Words that do not belong into finished work, or not there.
enum Words {
    /// Marks of unfinished work, in code, comments and pages alike. Written in halves, so that this file keeps its own
    /// rule.
    static let leftovers = [
        "FIX" + "ME", "XX" + "X", "HA" + "CK", "place" + "holder", "st" + "ub", "unimple" + "mented",
    ]

    static func leftovers(in file: SourceFile) -> [Finding] {
        findings(in: file, file.lines) { line in
            let words = line.split { !$0.isLetter }
            return leftovers.first { mark in words.contains { isMark($0, mark) } }
                .map { "\"\($0)\" is a mark of unfinished work" }
        }
    }

    /// Whole words only, in the plural too: others may contain a mark by chance.
    private static func isMark(_ word: Substring, _ mark: String) -> Bool {
        if mark.allSatisfy(\.isUppercase) { return word == mark }
        let word = word.lowercased()
        return word == mark || word == mark + "s"
    }

    /// Folders of people and machines. What the project says must hold anywhere.
    static let machinePaths = ["work", "tmp", "root", "farm", "home"].map { "/" + $0 + "/" }

    static func machinePaths(in file: SourceFile) -> [Finding] {
        findings(in: file, file.lines) { line in
            machinePaths.first { path in
                line.ranges(of: path).contains { range in
                    let isRelative = line[..<range.lowerBound].last.map(isPathPart) ?? false
                    return !isRelative && line[range.upperBound...].first?.isLetter == true
                }
            }.map { "\($0) is a folder of one machine" }
        }
    }

    private static func isPathPart(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || "._-}".contains(character)
    }

    /// Swift that stops the process without a word, or forces what may fail.
    static func forcedCode(in file: SourceFile) -> [Finding] {
        guard file.isSwift else { return [] }
        return findings(in: file, file.codeLines) { line in
            if line.contains("try" + "!") { return "a forced try: handle the error, or let a test throw it" }
            if line.contains("as" + "! ") { return "a forced cast" }
            if line.contains("fatalError" + "()") { return "fatalError without a message" }
            return nil
        }
    }

    /// Libraries speak through values; only programs write to standard output.
    static func output(in file: SourceFile) -> [Finding] {
        guard file.isSwift, let module = file.module, module != "GyreCLI" else { return [] }
        return findings(in: file, file.codeLines) { line in
            ["print(", "debugPrint(", "dump("].first { calls($0, line) }.map { "a library does not \($0.dropLast())" }
        }
    }

    /// A test that sleeps is slow when it passes and wrong when the machine is slower than it hoped.
    static func sleeps(in file: SourceFile) -> [Finding] {
        guard file.path.hasPrefix("Tests/"), file.isSwift || file.isC else { return [] }
        return findings(in: file, file.codeLines) { line in
            let isOfThread = line.contains("Thread" + ".sleep") || line.contains("Task" + ".sleep")
            let isOfSystem = ["sleep(", "usleep(", "nanosleep(", "clock_nanosleep("].contains { calls($0, line) }
            return isOfThread || isOfSystem ? "a test sleeps: wait for what must happen, or step the time" : nil
        }
    }

    /// Whether `line` calls the free function whose name and parenthesis are `call`.
    private static func calls(_ call: String, _ line: Substring) -> Bool {
        line.ranges(of: call).contains { range in
            guard range.lowerBound > line.startIndex else { return true }
            let before = line[line.index(before: range.lowerBound)]
            let isMember = before == "." || before == "_" || before.isLetter || before.isNumber
            return !isMember && !line[..<range.lowerBound].hasSuffix("func ")
        }
    }

    private static func findings(
        in file: SourceFile, _ lines: [Substring], _ reason: (Substring) -> String?
    ) -> [Finding] {
        lines.enumerated().compactMap { index, line in
            reason(line).map { Finding(file.path, index + 1, $0) }
        }
    }
}
