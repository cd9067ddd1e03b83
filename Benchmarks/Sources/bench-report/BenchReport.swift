import BenchKit
import Foundation

/// Writes `RESULTS.md` and its plots from a file of `make bench`. `make bench-report`.
@main
struct BenchReport {
    static func main() {
        do {
            guard CommandLine.arguments.count == 3 else { throw Usage() }
            try write(results: CommandLine.arguments[1], folder: URL(filePath: CommandLine.arguments[2]))
        } catch {
            say("bench-report: \(error)")
            exit(error is Usage ? 2 : 1)
        }
    }

    private struct Usage: Error, CustomStringConvertible {
        let description = "a file of results and the folder of the page are needed: make bench-report JSON=FILE"
    }

    private static func write(results: String, folder: URL) throws {
        let rows = try ResultRow.rows(of: try String(contentsOfFile: results, encoding: .utf8))
        let reasonsFile = folder.appending(path: "reasons.txt")
        let reasons = try Reasons(try String(contentsOf: reasonsFile, encoding: .utf8))
        let page = ResultPage(rows, context: try context(of: results), reasons: reasons)
        let plots = folder.appending(path: "plots")
        // Plots of groups that are measured no more must not stay.
        if FileManager.default.fileExists(atPath: plots.path) { try FileManager.default.removeItem(at: plots) }
        try FileManager.default.createDirectory(at: plots, withIntermediateDirectories: true)
        for plot in page.plots {
            let file = plots.appending(path: "\(plot.name).svg")
            try plot.svg.write(to: file, atomically: true, encoding: .utf8)
        }
        try page.text.write(to: folder.appending(path: "RESULTS.md"), atomically: true, encoding: .utf8)
        for entry in reasons.idle(page.explained) { say("bench-report: nothing to explain in this run: \(entry)") }
        say("bench-report: \(rows.count) rows, \(page.wins.count) wins of peers, \(page.plots.count) plots")
    }

    /// A file of another machine may have come without its context; the page says so then.
    private static func context(of results: String) throws -> RunContext? {
        let path = RunContext.path(beside: results)
        guard FileManager.default.fileExists(atPath: path) else {
            say("bench-report: \(path) is not there: the page cannot name the machine")
            return nil
        }
        return try JSONDecoder().decode(RunContext.self, from: try Data(contentsOf: URL(filePath: path)))
    }

    private static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
