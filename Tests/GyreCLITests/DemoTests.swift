import Foundation
import Glibc
import Testing

@testable import GyreCLI

/// The demo as the real program: its files, exit codes and outputs.
///
/// One at a time: each run has workers for all cores.
@Suite(.serialized) struct DemoTests {
    static let expected = Result {
        let reference = try StorefrontReference(page: workload.appending(path: "README.md"))
        return reference.decisions(
            log: try String(contentsOf: workload.appending(path: "CDNOW_sample.txt"), encoding: .utf8))
    }

    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func demo(_ arguments: String...) throws -> GyreProcess.Result {
        try GyreProcess(["demo", "storefront", "--remote", "0"] + arguments).run()
    }

    @Test(arguments: [1, 2, 4]) func decisionsAreThoseOfTheReference(workers: Int) throws {
        try decide(workers: workers, pinning: "soft", passes: 1)
    }

    static let shapes = [1, 2, 4].flatMap { workers in
        [("none", 1), ("hard", 1), ("soft", 3)].map { (workers, $0.0, $0.1) }
    }

    @Test(arguments: shapes) func pinningAndPassesChangeNoDecision(workers: Int, pinning: String, passes: Int) throws {
        try decide(workers: workers, pinning: pinning, passes: passes)
    }

    private func decide(workers: Int, pinning: String, passes: Int) throws {
        let result = try demo(
            "--workers", "\(workers)", "--pinning", pinning, "--repeat", "\(passes)", "--out", folder.path("decisions"))
        #expect(result.status == 0)
        #expect(result.errors == "")
        #expect(firstDifference(try folder.text("decisions").utf8, try Self.expected.get()) == nil)
        #expect(try folder.names() == ["decisions"])
        #expect(result.output.contains("\ntasks done  "))
        #expect(result.output.contains("\n\(passes) pass\(passes == 1 ? "," : "es,")"))
        #expect(result.output.contains(" \(workers) worker\(workers == 1 ? "," : "s,") pinning \(pinning)\n"))
    }

    @Test func bothLayoutsOfOneLogDecideTheSame() throws {
        let sample = try String(contentsOf: workload.appending(path: "CDNOW_sample.txt"), encoding: .utf8)
        let lines = sample.split(whereSeparator: \.isNewline).map { line in
            let columns = line.split(separator: " ")
            return " \(columns[0]) \(columns[2])  \(columns[3])  \(columns[4])\r\n"
        }
        try folder.write(" customer_id  date number_of_cds  dollar_value\r\n" + lines.joined(), to: "master")
        let result = try demo("--input", folder.path("master"), "--repeat", "1", "--out", folder.path("decisions"))
        #expect(result.status == 0)
        #expect(firstDifference(try folder.text("decisions").utf8, try Self.expected.get()) == nil)
    }

    @Test func withoutRepeatItRunsForThreeSecondsInWholePasses() throws {
        let result = try demo("--json", "-")
        let report = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let elapsed = try #require(report["elapsed_nanoseconds"] as? Int)
        let passes = try #require(report["passes"] as? Int)
        #expect(elapsed >= 3_000_000_000)
        #expect(report["tasks_done"] as? Int == passes * 6_919 * 5)
    }

    @Test func theReportSaysWhatTheTableSays() throws {
        let result = try demo("--repeat", "2", "--workers", "2", "--json", folder.path("report"))
        #expect(result.status == 0)
        let data = Data(try folder.text("report").utf8)
        let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let expected: [String: Int] = [
            "purchases": 6_919, "customers": 2_357, "passes": 2, "graphs": 13_838, "worker_count": 2,
            "tasks_done": 69_190, "tasks_failed": 0, "tasks_skipped": 0, "run_count": 69_190,
        ]
        for (key, number) in expected { #expect(report[key] as? Int == number, "\(key)") }
        #expect(report["workload"] as? String == "storefront")
        #expect(report["pinning"] as? String == "soft")
        #expect(report["trouble"] is NSNull)
        let rate = try #require(report["tasks_per_minute"] as? UInt64)
        #expect(result.output.contains("tasks done"))
        #expect(result.output.contains("69,190"))
        #expect(result.output.replacing(",", with: "").contains("tasks per minute  \(rate)"))
        let workers = try #require(report["workers"] as? [[String: Any]])
        #expect(workers.compactMap { $0["tasks"] as? Int }.reduce(0, +) == 69_190)
    }

    @Test func thePlainTableIsPlain() throws {
        let result = try demo("--repeat", "1")
        #expect(!result.output.contains("\u{1B}"))
        #expect(!result.output.contains("\r"))
        for line in ["tasks failed", "tasks skipped", "tasks per minute", "queue wait", "run ", "total ", "clock "] {
            #expect(result.output.contains("\n\(line)"), "\(line)")
        }
        #expect(result.output.contains("agent platforms are proud of 1,000 per minute"))
    }

    @Test(arguments: [
        ("text", "storefront: 5 nodes"), ("dot", "digraph \"storefront"), ("mermaid", "flowchart LR"),
        ("svg", "<svg xmlns="),
    ])
    func theGraphIsDrawnInsteadOfRun(form: String, mark: String) throws {
        let result = try demo("--draw", form)
        #expect(result.status == 0 && result.errors.isEmpty)
        #expect(result.output.contains(mark))
        for node in ["behaviour", "stock", "price", "decide", "notify"] { #expect(result.output.contains(node)) }
        #expect(!result.output.contains("tasks done"))
    }

    @Test func aFormThatIsNotKnownIsRefused() throws {
        let result = try demo("--draw", "runes")
        #expect(result.status == 2)
        #expect(result.errors.contains("'text', 'dot', 'mermaid' or 'svg'"))
    }

    @Test func aTerminalSeesProgressAndThenTheTable() throws {
        let result = try GyreProcess(["demo", "storefront", "--remote", "0", "--repeat", "1"]).runOnTerminal()
        #expect(result.status == 0)
        #expect(result.text.contains("\rpass 1  0 %"))
        #expect(result.text.contains("\r\u{1B}[K"))
        #expect(result.text.contains("\u{1B}[1mtasks per minute"))
    }

    @Test(arguments: [["NO_COLOR": "1"], ["CI": "true"], ["TERM": "dumb"]])
    func aTerminalSeesPlainLinesIfAskedFor(environment: [String: String]) throws {
        let arguments = ["demo", "storefront", "--remote", "0", "--repeat", "1"]
        let result = try GyreProcess(arguments, environment: environment).runOnTerminal()
        #expect(result.status == 0)
        #expect(!result.text.contains("\u{1B}"))
        #expect(!result.text.contains("pass 1"))
        #expect(result.text.contains("tasks done"))
    }

    @Test func anEmptyVariableAsksForNothing() throws {
        let arguments = ["demo", "storefront", "--remote", "0", "--repeat", "1"]
        let process = GyreProcess(arguments, environment: ["NO_COLOR": "", "CI": ""])
        #expect(try process.runOnTerminal().text.contains("\u{1B}[1mtasks per minute"))
    }
}

@Suite(.serialized) struct DemoInputTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private static let good = " 00004 0001 19970101  2   29.33\r\n"

    /// What is wrong with the log is the reader's business and tested there: here it is one line, exit 2, no file.
    @Test(arguments: [
        ("", ":1: the file is empty"),
        (good + " 00004 0001 19970101  2\r\n", ":2: 4 columns where 5 are expected"),
        (
            good + good + " 00004 0001 19970229  2   29.33\r\n",
            ":3: the date is '19970229', which is not a day from 1970 to 2099"
        ),
        (
            good + " 00004 0001 19970101  2   29.333\r\n",
            ":2: the dollars are '29.333', which is not 1 to 7 digits, a point and 2 digits"
        ),
        (good + "\0", ":2: byte 0x00 at position 1: the log is plain ASCII text"),
    ]) func aMalformedLogIsOneLineAndNoFile(log: String, complaint: String) throws {
        try folder.write(log, to: "log")
        let result = try GyreProcess([
            "demo", "storefront", "--input", folder.path("log"), "--out", folder.path("decisions"), "--json",
            folder.path("report"),
        ]).run()
        #expect(result.status == 2)
        #expect(result.output == "")
        #expect(result.errors == "gyre: \(folder.path("log"))\(complaint)\n")
        #expect(try folder.names() == ["log"])
    }

    @Test func aMissingLogIsOneLine() throws {
        let result = try GyreProcess(["demo", "storefront", "--input", folder.path("none")]).run()
        #expect(result.status == 2)
        #expect(result.errors == "gyre: \(folder.path("none")): No such file or directory\n")
        let elsewhere = try GyreProcess(["demo", "storefront"], in: folder.url).run()
        #expect(elsewhere.status == 2)
        #expect(elsewhere.errors.contains("--input"))
        #expect(elsewhere.errors.split(separator: "\n").count == 1)
    }

    @Test func aFileThatCannotBeWrittenIsSaidBeforeTheWork() throws {
        for option in ["--out", "--json"] {
            let result = try GyreProcess(["demo", "storefront", option, folder.path("none/file")]).run()
            #expect(result.status == 2)
            #expect(result.output == "")
            #expect(result.errors == "gyre: \(folder.path("none/file")): No such file or directory\n")
        }
    }

    @Test(arguments: [
        ["--workers", "0"], ["--workers", "-1"], ["--workers", "57"], ["--workers", "two"], ["--pinning", "firm"],
        ["--repeat", "0"], ["--repeat", "-3"], ["--repeat", ""], ["--input"], ["--colour"], ["sample.txt"],
        ["--out", "same", "--json", "same"], ["--out", "-"], ["--remote", "-1"], ["--remote", "some"],
        ["--seed", "-1"], ["--seed", "x"], ["--chaos", "--remote", "0"], ["--seed", "3", "--remote", "0"],
    ]) func wrongUsageEndsWithTwo(arguments: [String]) throws {
        let result = try GyreProcess(["demo", "storefront"] + arguments, in: folder.url).run()
        #expect(result.status == 2)
        #expect(result.output == "")
        #expect(result.errors.contains("Usage: gyre demo storefront"))
        #expect(try folder.names() == [])
    }

    @Test(arguments: [["--help"], ["demo", "storefront", "--help"], [], ["help", "doctor"]])
    func helpIsNoError(arguments: [String]) throws {
        let result = try GyreProcess(arguments).run()
        #expect(result.status == 0)
        #expect(result.output.contains("USAGE: gyre"))
        #expect(result.errors == "")
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func completionsComeWithIt(shell: String) throws {
        let result = try GyreProcess(["--generate-completion-script", shell]).run()
        #expect(result.status == 0)
        #expect(result.output.contains("storefront"))
    }

    @Test func anUnknownCommandEndsWithTwo() throws {
        #expect(try GyreProcess(["demos"]).run().status == 2)
    }
}

@Suite(.serialized) struct DemoInterruptionTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func process(_ arguments: String...) -> GyreProcess {
        GyreProcess(["demo", "storefront", "--out", folder.path("decisions")] + arguments)
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aSignalDrainsAndLeavesNoDecisions(signal: Int32) throws {
        let result = try process("--repeat", "1000000", "--json", folder.path("report"))
            .runOnTerminal(sending: signal, after: "pass 2")
        #expect(result.status == 4)
        #expect(try folder.names() == ["report"])
        #expect(result.text.contains("tasks done"))
        #expect(result.text.contains("interrupted by signal \(signal)"))
        let data = Data(try folder.text("report").utf8)
        let report = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        #expect(report["interrupted_by_signal"] as? Int == Int(signal))
        // Drained: what was submitted has ended.
        let graphs = try #require(report["graphs"] as? Int)
        #expect(graphs > 6_919)
        #expect(report["tasks_done"] as? Int == graphs * 5)
        #expect(report["runs_live"] as? Int == 0)
    }

    /// Wherever the signal finds the program, the decisions are whole or absent; what was there before stays.
    @Test(.unlessThreadSanitized, arguments: [SIGTERM, SIGKILL], 1...6) func aSignalAtAnyTimeLeavesAWholeFileOrNone(
        signal: Int32, round: Int
    ) throws {
        if round % 2 == 0 { try folder.write("before", to: "decisions") }
        let status = try process("--repeat", "1", "--remote", "100").runSendingAtOnce(signal)
        let exists = FileManager.default.fileExists(atPath: folder.path("decisions"))
        if status == 0 {
            #expect(firstDifference(try folder.text("decisions").utf8, try DemoTests.expected.get()) == nil)
        } else {
            #expect(status == nil || status == 4)
            #expect(exists == (round % 2 == 0))
            if exists { #expect(try folder.text("decisions") == "before") }
        }
    }
}
