import Foundation
import FoundationXML
import GyreBench
import Testing

@testable import BenchKit

/// The page and its plots from a file that is always the same.
@Suite struct ResultPageTests {
    private static let lines = [
        handle + own + rate + figures(10, 12.345, 13), handle + #""subject":"fast","# + rate + figures(20, 24, 26),
        handle + #""subject":"a|b","# + rate + figures(1, 2, 3),
        handle + ratio("fast", 0.5, 0.52) + figures(0.4, 0.51, 0.6), handle + ratio("a|b", 5.9, 6.1) + figures(5, 6, 7),
        "",
        clock + own + time + figures(10, 20, 30),
        clock + #""subject":"continuous-clock","# + time + figures(19, 19, 30),
        clock + ratio("continuous-clock", 0.9, 1.1) + figures(0.9, 0.95, 1.2),
        clock + #""subject":"gyre-other","# + time + figures(8, 10, 30),
        clock + ratio("gyre-other", 0.5, 0.5) + figures(0.5, 0.5, 0.5),
        #"{"title":"memory/queued","# + own + #""metric":"memory","unit":"B","# + figures(64, 64, 64, samples: 1),
    ].joined(separator: "\n")

    private static let handle = #"{"title":"ring/handle 1p1c","#
    private static let clock = #"{"title":"clock/read","#
    private static let own = #""subject":"gyre","#
    private static let rate = #""metric":"throughput","unit":"Mops/s","#
    private static let time = #""metric":"time","unit":"ns","#

    private static func figures(_ min: Double, _ median: Double, _ max: Double, samples: Int = 15) -> String {
        #""min":\#(min),"median":\#(median),"max":\#(max),"samples":\#(samples)}"#
    }

    private static func ratio(_ peer: String, _ q1: Double, _ q3: Double) -> String {
        own + #""metric":"ratio","unit":"x","peer":"\#(peer)","q1":\#(q1),"q3":\#(q3),"#
    }

    private func page(_ reasons: String = "# none\n", context: RunContext? = nil) throws -> ResultPage {
        ResultPage(try ResultRow.rows(of: Self.lines), context: context, reasons: try Reasons(reasons))
    }

    @Test func everySubjectHasItsRowWithItsRatio() throws {
        let text = try page().text
        for line in [
            "### ring/handle 1p1c", "throughput, Mops/s", "| gyre | 10 | 12.3 | 13 | 15 |  |  |  |",
            "| fast | 20 | 24 | 26 | 15 | 0.510 | 0.500 | 0.520 |", "| a\\|b | 1 | 2 | 3 | 15 | 6 | 5.90 | 6.10 |",
            "time, ns", "| gyre-other | 8 | 10 | 30 | 15 | 0.500 | 0.500 | 0.500 |",
            "| gyre | 64 | 64 | 64 | 1 |  |  |  |", "## ring", "## clock", "## memory",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)")
        }
    }

    @Test func everyWinOfAPeerIsListedWithItsReasonOrWithout() throws {
        let page = try page("# why\nring/handle * | fast | it has no order\n")
        #expect(page.wins.map(\.title) == ["ring/handle 1p1c"])
        let lines = page.text.split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.hasPrefix("In 1 of 2 cells") })
        #expect(lines.contains("| ring/handle 1p1c | fast | 0.510 | 0.500 to 0.520 | [1](#reasons) |"))
        #expect(lines.contains("1. it has no order"))
        #expect(try !self.page().text.contains("## Reasons"))
        #expect(lines.contains { $0.hasPrefix("Below 1") && $0.hasSuffix(": clock/read: continuous-clock 0.950.") })
        #expect(try self.page().text.contains("0.500 to 0.520 | no reason found yet |"))
    }

    @Test func targetsAreListedWithWhatStandsInTheWay() throws {
        var context = RunContext(machine: "x", date: "y")
        let targets = [Target(1.2, ["fast"]), Target(2, ["slow"]), .atMost(9), .atMost(10)]
        context.add(
            CellResult(
                cell: Cell("clock/read", .time, targets: targets, []),
                figures: [(Cell.own, Samples([10])), ("fast", Samples([5])), ("slow", Samples([40]))], leftOut: [],
                disturbance: Disturbance(others: 0, stolen: 0)))
        let coded = try JSONDecoder().decode(RunContext.self, from: try JSONEncoder().encode(context))
        let reasons = "clock/read | itself | a floor\nring/* | fast | no order\nclock/* | fast | no order\n"
        let page = try page(reasons, context: coded)
        let lines = page.text.split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.hasSuffix("Met: 2 of 4.") })
        for line in [
            "| clock/read | 1.20x fast | 0.500x | **missed** | [1](#reasons) |",
            "| clock/read | 2x slow | 4x | met |  |",
            "| clock/read | at most 9 ns | 10 ns | **missed** | [2](#reasons) |",
            "| ring/handle 1p1c | fast | 0.510 | 0.500 to 0.520 | [1](#reasons) |", "1. no order", "2. a floor",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.count { $0.hasSuffix("no order") } == 1, "said once, however many cells it is about")
        #expect(try self.page(context: coded).text.contains("**missed** | not found yet |"))
        #expect(page.explained.map(\.peer).suffix(2) == ["fast", TargetVerdict.own])
    }

    @Test func reasonsThatExplainNothingAreNamed() throws {
        let reasons = try Reasons("clock/read | go | x\nring/* | fast | y\nring/handle 2p2c | fast | z | w\n")
        #expect(reasons.idle(try page().wins) == ["clock/read | go", "ring/handle 2p2c | fast"])
        #expect(reasons.reason("ring/handle 2p2c", "fast") == "y")
        #expect(throws: ResultRow.Malformed.self) { try Reasons("ring/* | fast\n") }
        let many = try Reasons("ring/* | fast, slow | y\nclock/* | * | x\n")
        #expect(["fast", "slow", "other"].map { many.reason("ring/handle 2p2c", $0) } == ["y", "y", nil])
        #expect(many.reason("clock/read", "go") == "x")
    }

    @Test func theMachineTheNoiseAndTheAbsentAreNamed() throws {
        var context = RunContext(machine: "processor  x\ncommit     y", date: "2026-01-02T03:04:05Z")
        context.add(
            CellResult(
                cell: Cell("clock/read", .time, []), figures: [], leftOut: [("go", "not installed")],
                disturbance: Disturbance(others: 0.5, stolen: 0)))
        let coded = try JSONDecoder().decode(RunContext.self, from: try JSONEncoder().encode(context))
        #expect(coded == context)
        let text = try page(context: coded).text
        for part in [
            "```\nprocessor  x\ncommit     y\n```", "Measured 2026-01-02T03:04:05Z.", "time, ns; **noisy**",
            "Left out: go (not installed).",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(try page().text.contains("```\nnot recorded\n```"))
    }

    @Test func eachGroupWithPeersHasAPlotThatCanBeRead() throws {
        let page = try page()
        #expect(page.plots.map(\.name) == ["ring", "clock"])
        for plot in page.plots {
            #expect(page.text.contains("(plots/\(plot.name).svg)"))
            let parser = XMLParser(data: Data(plot.svg.utf8))
            #expect(parser.parse(), "\(String(describing: parser.parserError))")
            #expect(plot.svg.contains("prefers-color-scheme: dark"))
        }
        let ring = page.plots[0].svg
        #expect(ring.contains("class=\"lost\"") && ring.contains(">fast</text>") && ring.contains("a|b: 6"))
        #expect(ring.count { $0 == "\n" } < 80)
    }

    /// The last one is a ratio to nobody.
    @Test(arguments: ["", "{}", "nonsense", handle + own + #""metric":"ratio","unit":"x","# + figures(1, 1, 1)])
    func whatIsNoResultIsRefused(text: String) {
        #expect(throws: ResultRow.Malformed.self) { try ResultRow.rows(of: text) }
    }

    @Test func whatIsWrittenForACellIsReadAgain() throws {
        let result = CellResult(
            cell: Cell("ring/\"x\"", .throughput, []),
            figures: [(Cell.own, Samples([2, 4, 3])), ("peer", Samples([1, 2, 3]))], leftOut: [],
            disturbance: Disturbance(others: 0, stolen: 0))
        let rows = try ResultRow.rows(of: Report.lines(result).joined(separator: "\n"))
        #expect(rows.map(\.metric) == ["throughput", "throughput", "ratio"])
        #expect(rows.last?.peer == "peer")
        #expect(rows.last?.median == 2)
    }

    @Test(
        arguments: [
            (0, "0"), (0.5, "0.500"), (1, "1"), (1.234, "1.23"), (9.999, "10"), (12.34, "12.3"), (99.96, "100"),
            (1234.5, "1235"), (-0.5, "-0.500"), (.infinity, "-"),
        ] as [(Double, String)])
    func figuresHaveThreeDigits(value: Double, text: String) {
        #expect(Report.threeDigits(value) == text)
    }
}
