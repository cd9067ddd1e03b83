import Testing

@testable import BenchKit

@Suite struct GateTests {
    private let old = GateCosts(instructions: 1_000, allocations: 1, systemCalls: 0)

    private func verdict(_ new: GateCosts?, compiler: String = "a") -> GateVerdict {
        GateVerdict(
            GateBaseline(compiler: compiler, workloads: new.map { ["post": $0] } ?? [:]),
            against: GateBaseline(compiler: "a", workloads: ["post": old]))
    }

    private func changed(_ change: (inout GateCosts) -> Void) -> GateCosts {
        var new = old
        change(&new)
        return new
    }

    @Test func whatIsWithinItsTolerancePasses() {
        let none = GateVerdict.judged(worse: [], better: [])
        #expect(verdict(old) == none)
        #expect(verdict(changed { $0.instructions = 1_020 }) == none)
        #expect(verdict(changed { $0.instructions = 982 }) == none)
        #expect(verdict(changed { $0.allocations = 1.01 }) == none)
        #expect(verdict(changed { $0.systemCalls = 0.02 }) == none)
    }

    @Test func moreOfAnyCountFails() {
        let text = ["post: 1050.00 instructions a task, 1000.00 before"]
        #expect(verdict(changed { $0.instructions = 1_050 }) == .judged(worse: text, better: []))
        for new in [changed { $0.allocations = 1.1 }, changed { $0.systemCalls = 0.1 }] {
            guard case .judged(let worse, _) = verdict(new) else {
                Issue.record("not judged")
                continue
            }
            #expect(worse.count == 1)
        }
    }

    @Test func lessIsReportedAndPasses() {
        guard case .judged(let worse, let better) = verdict(changed { $0.instructions = 500 }) else {
            Issue.record("not judged")
            return
        }
        #expect(worse == [])
        #expect(better.count == 1)
    }

    @Test func anotherCompilerIsNotJudged() {
        let new = changed { $0.instructions = 9_000 }
        #expect(verdict(new, compiler: "b") == .otherCompiler(recorded: "a", found: "b"))
    }

    @Test func aWorkloadThatIsMissingFails() {
        #expect(verdict(nil) == .judged(worse: ["post: not in the program"], better: []))
    }
}
