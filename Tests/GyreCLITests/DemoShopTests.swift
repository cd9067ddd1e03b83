import Foundation
import Glibc
import Testing

@testable import GyreCLI

/// The demo over HTTP as the real program.
@Suite(.serialized, .unlessThreadSanitized) struct DemoShopTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func demo(_ arguments: String...) throws -> GyreProcess.Result {
        try GyreProcess(["demo", "storefront", "--repeat", "1"] + arguments).run()
    }

    private func remote(_ text: String) throws -> [String: Any] {
        let report = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        return try #require(report?["remote"] as? [String: Any])
    }

    @Test func healthyServicesChangeNoDecision() throws {
        let result = try demo("--remote", "300", "--out", folder.path("decisions"))
        #expect(result.status == 0 && result.errors.isEmpty)
        #expect(firstDifference(try folder.text("decisions").utf8, try DemoTests.expected.get()) == nil)
        #expect(result.output.contains("\nstock and price over HTTP, calm, seed 1: 300 purchases, "))
        #expect(result.output.contains("\nin all   300  of 300\n"))
        #expect(result.output.contains("\ndependency "))
    }

    @Test(arguments: [9] as [UInt64]) func chaosIsAccountedFor(seed: UInt64) throws {
        let result = try demo(
            "--chaos", "--seed", "\(seed)", "--remote", "300", "--out", folder.path("decisions"), "--json",
            folder.path("report"))
        #expect(result.status == 0 && result.errors.isEmpty)
        #expect(result.output.contains("\nstock and price over HTTP, chaos, seed \(seed): 300 purchases, "))
        #expect(result.output.contains("\nfallen back: "))
        let report = try remote(try folder.text("report"))
        let ends = try #require(report["ends"] as? [String: Int])
        #expect(ends.values.reduce(0, +) == 300)
        #expect(report["sum"] as? Int == 300 && report["purchases"] as? Int == 300)
        #expect((report["dependencies"] as? [Any])?.count == 4)
        #expect(try folder.text("decisions").split(separator: "\n").count == 6_919)
    }

    @Test func withoutServicesThereIsNoReportOfThem() throws {
        let result = try demo("--remote", "0", "--json", "-")
        #expect(result.status == 0)
        #expect(!result.output.contains("\"remote\""))
    }

    @Test(arguments: [SIGTERM, SIGINT]) func aSignalUnderChaosLeavesNoDecisions(signal: Int32) throws {
        let result = try GyreProcess([
            "demo", "storefront", "--chaos", "--out", folder.path("decisions"), "--json", folder.path("report"),
        ]).runOnTerminal(sending: signal, after: "over HTTP  ", times: 2)
        #expect(result.status == 4)
        #expect(try folder.names() == ["report"])
        #expect(result.text.contains("interrupted by signal \(signal)"))
        let report = try remote(try folder.text("report"))
        let submitted = try #require(report["purchases"] as? Int)
        #expect(submitted > 0 && submitted < 6_919)
        #expect(report["sum"] as? Int == submitted)
    }
}
