import Foundation
import Glibc
import GyreBench
import Testing

@testable import GyreCLI

/// The benchmarks as the real program: files, exit codes and outputs. What they measure here says nothing.
///
/// One at a time: each run has workers for all cores.
@Suite(.serialized) struct BenchTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func bench(_ arguments: String...) throws -> GyreProcess.Result {
        try GyreProcess(["bench"] + arguments, environment: ["XDG_STATE_HOME": folder.path("state")]).run()
    }

    private struct Line: Decodable {
        let title, subject, metric, unit: String
        let min, median, max: Double
        let samples: Int
    }

    private func lines(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    static let kinds = [
        (["ring"], "bench/ring"), (["submit"], "bench/submit post"),
        (["submit", "--level", "fire"], "bench/submit fire"),
        (["submit", "--level", "handle"], "bench/submit handle"), (["submit", "--level", "run"], "bench/submit run"),
        (["graph"], "bench/graph five nodes"),
    ]

    @Test(arguments: kinds) func everyLineKeepsItsContract(arguments: [String], title: String) throws {
        let result = try GyreProcess(
            ["bench"] + arguments + ["--rate", "2000", "--duration", "100ms", "--runs", "2", "--json", "-"]
        ).run()
        #expect(result.status == 0)
        #expect(result.errors == "")
        let lines = try lines(result.output)
        #expect(lines.allSatisfy { $0.title == title && $0.subject == "gyre" && $0.samples == 2 })
        #expect(lines.allSatisfy { $0.min <= $0.median && $0.median <= $0.max })
        let names = ["p50", "p90", "p99", "p99.9", "p99.99", "max", "mean"]
        #expect(lines.map(\.metric) == names + names.map { "service \($0)" } + ["rate", "refused"])
        let refused = try #require(lines.last)
        #expect(refused.unit == "operations")
        #expect(lines.dropLast(2).allSatisfy { $0.unit == "ns" && $0.min > 0 })
    }

    @Test(arguments: [["ring"], ["submit"], ["graph"]]) func theReportHasBothTimesAndAPlot(arguments: [String]) throws {
        let result = try GyreProcess(["bench"] + arguments + ["--rate", "2000", "--duration", "100ms"]).run()
        #expect(result.status == 0)
        #expect(result.output.contains("response  service"))
        #expect(result.output.contains("\np99.99 "))
        #expect(result.output.contains("r response time, s service time, * both"))
        #expect(result.output.contains("200 operations") || result.output.contains(" refused"))
        #expect(!result.output.contains("\u{1B}"))
    }

    @Test func aClosedLoopSaysThatItIsOne() throws {
        let result = try bench("ring", "--rate", "max", "--duration", "50ms", "--producers", "2", "--workers", "2")
        #expect(result.status == 0)
        #expect(result.output.contains("closed loop"))
        #expect(result.output.contains("2 producers, 2 workers"))
    }

    @Test func percentilesAreWrittenForPlotters() throws {
        #expect(
            try bench("submit", "--rate", "2000", "--duration", "100ms", "--hgrm", folder.path("a.hgrm")).status == 0)
        let text = try folder.text("a.hgrm")
        #expect(text.hasPrefix("       Value"))
        #expect(text.contains("#[Max     = "))
    }

    @Test func aKeptRunIsComparedWith() throws {
        #expect(try bench("submit", "--rate", "2000", "--duration", "100ms", "--save", "first").status == 0)
        #expect(try lines(try folder.text("state/gyre/bench/first.jsonl")).count == 16)
        let result = try bench("submit", "--rate", "1000", "--duration", "100ms", "--compare", "first")
        #expect(result.status == 0)
        #expect(result.output.contains("first  response x"))
        #expect(result.output.contains("first was measured with other settings: 2000 a second for 100ms"))
        let other = try bench("ring", "--duration", "100ms", "--compare", "first")
        #expect(other.status == 2)
        #expect(other.errors.contains("first.jsonl:1: bench/submit post was kept, and not bench/ring"))
        #expect(try bench("ring", "--compare", "second").status == 2)
    }

    @Test func aConditionThatHoldsIsAnExitCodeOfItsOwn() throws {
        let run = ["submit", "--rate", "2000", "--duration", "100ms", "--save", "a", "--fail-if"]
        let held = try GyreProcess(
            ["bench"] + run + ["p50 > 0ns"], environment: ["XDG_STATE_HOME": folder.path("state")]
        ).run()
        #expect(held.status == 3)
        #expect(held.errors.hasPrefix("gyre: p50 > 0ns: p50 is "))
        #expect(held.output.contains("response  service"))
        let within = try bench("submit", "--rate", "2000", "--duration", "100ms", "--fail-if", "max > 1000s")
        #expect(within.status == 0)
        let slower = try bench(
            "submit", "--rate", "2000", "--duration", "100ms", "--compare", "a", "--fail-if", "max > 0.000001x")
        #expect(slower.status == 3)
    }

    @Test(arguments: [
        (["submit", "--fail-if", "p99 > 2"], "--fail-if 'p99 > 2': column 8: a time needs a unit"),
        (["submit", "--fail-if", "p99 > 2x"], "--fail-if 'p99 > 2x': a bound in x needs --compare"),
        (["ring", "--save", "../a"], "'../a' is no name for a run"), (["ring", "--rate", "0"], "--rate"),
        (["graph", "--duration", "5"], "--duration"), (["graph", "--workers", "0"], "--workers 0"),
        (["ring", "--producers", "0"], "--producers 0"), (["ring", "--runs", "0"], "--runs 0"),
        (["ring", "--hgrm", "-"], "--hgrm -"),
        (["ring", "--json", "/nowhere/at/all"], "/nowhere/at/all: No such file"),
    ])
    func whatCannotBeUsedIsNamed(arguments: [String], complaint: String) throws {
        // ArgumentParser loses an array when it refuses an option of a group: not ours, and a status of its own.
        let result = try GyreProcess(
            ["bench"] + arguments, environment: ["ASAN_OPTIONS": "detect_leaks=0"]
        ).run()
        #expect(result.status == 2)
        #expect(result.errors.contains(complaint), "\(result.errors)")
        #expect(result.output == "")
    }

    @Test func anInterruptedRunSaysSoAndIsNotKept() throws {
        let process = GyreProcess(
            ["bench", "ring", "--rate", "1000", "--duration", "1h", "--save", "a"],
            environment: ["XDG_STATE_HOME": folder.path("state")])
        // The file is begun when signals are listened to already.
        func names() -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: folder.path("state/gyre/bench"))) ?? []
        }
        let result = try process.run { child in
            let giveUp = ContinuousClock.now + .seconds(60)
            while names().isEmpty, ContinuousClock.now < giveUp { sched_yield() }
            child.send(SIGINT)
        }
        #expect(result.status == 4)
        #expect(result.errors.contains("interrupted by signal 2"))
        #expect(names() == [])
    }

    @Test func theReadmesCommandsAreUnderstood() throws {
        let page = try String(contentsOf: GyreProcess.repository.appending(path: "README.md"), encoding: .utf8)
        let commands = page.split(separator: "\n").filter { $0.hasPrefix("    gyre ") }
        #expect(commands.count == 3)
        for command in commands {
            // Words, with what stands between quotes as one of them, up to the comment.
            let line = command.prefix { $0 != "#" }
            let words = line.split(separator: "'", omittingEmptySubsequences: false).enumerated().flatMap { part in
                part.offset % 2 == 1 ? [String(part.element)] : part.element.split(separator: " ").map(String.init)
            }
            #expect(throws: Never.self, "\(command)") { try GyreCommand.parseAsRoot(Array(words.dropFirst())) }
        }
    }

    @Test func keptRunsHaveTheirFolder() throws {
        let folders = [
            ["XDG_STATE_HOME": "/a", "HOME": "/b"], ["XDG_STATE_HOME": "relative", "HOME": "/b"], ["HOME": "/b"],
        ].map { try? BenchStore.standard($0).path("c") }
        let home = "/b/.local/state/gyre/bench/c.jsonl"
        #expect(folders == ["/a/gyre/bench/c.jsonl", home, home])
        #expect(throws: BenchStore.Failure.self) { try BenchStore.standard([:]) }
    }

    @Test func aDamagedFileIsNamedWithItsLine() throws {
        let store = BenchStore(folder: folder.url.path)
        try folder.write(#"{"title":"a","metric":"p50","median":1}"# + "\nnonsense\n", to: "b.jsonl")
        let error = #expect(throws: BenchStore.Failure.self) { try store.read("b", title: "a") }
        #expect(error?.description.hasSuffix("b.jsonl:2: no line of a kept run") == true)
        try folder.write("", to: "c.jsonl")
        #expect(throws: BenchStore.Failure.self) { try store.read("c", title: "a") }
    }
}
