import BenchKit
import Foundation

/// What a task costs in instructions, allocations and system calls, against the baseline in the tree. `make gates`.
@main
struct Gates {
    /// Two counts whose difference is divided.
    private static let counts = (few: 2_000, many: 10_000)
    private static let workloads = [
        "ring", "fire", "post", "post-untimed", "handle", "async", "run", "call", "call-policies", "graph-node",
        "refused",
    ]

    static func main() {
        do {
            let isRecording = CommandLine.arguments.contains("--record")
            let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Gates")
            let file = folder.appending(path: "baseline.json").standardized
            let program = try Program.prepare()
            var measured = GateBaseline(compiler: try Program.compiler(), workloads: [:])
            let known = isRecording ? nil : try JSONDecoder().decode(GateBaseline.self, from: Data(contentsOf: file))
            print("workload      instructions  allocations  system calls, each a task")
            for name in workloads {
                measured.workloads[name] = try show(name, steadyCosts(of: name, program, known?.workloads[name]))
            }
            if isRecording {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                try (encoder.encode(measured) + Data("\n".utf8)).write(to: file)
                print("recorded in \(file.path)")
            } else if let known {
                try judge(measured, known)
                try checkItself(program, measured)
            }
        } catch {
            FileHandle.standardError.write(Data("gates: \(error)\n".utf8))
            exit(1)
        }
    }

    /// The least of up to three runs; one does when it is not above what is `known`. What costs more costs more every
    /// time.
    private static func steadyCosts(of workload: String, _ program: Program, _ known: GateCosts?) throws -> GateCosts {
        var least = try costs(of: workload, program)
        for _ in 0..<2 {
            if let known, GateVerdict.worse(least, than: known).isEmpty { break }
            least = least.least(try costs(of: workload, program))
        }
        return least
    }

    private static func costs(of workload: String, _ program: Program) throws -> GateCosts {
        let divisor = Double(counts.many - counts.few)
        func each(_ count: (Int) throws -> UInt64) throws -> Double {
            let value = (Double(try count(counts.many)) - Double(try count(counts.few))) / divisor
            // Not -0, which a baseline would keep.
            return (value * 100).rounded() / 100 + 0
        }
        return GateCosts(
            instructions: try each { try program.instructions(workload, $0) },
            allocations: try each { try program.allocations(workload, $0) },
            systemCalls: try each { try program.systemCalls(workload, $0) })
    }

    private static func show(_ name: String, _ costs: GateCosts) -> GateCosts {
        func column(_ value: Double, _ width: Int) -> String {
            let text = String(format: "%.2f", value)
            return String(repeating: " ", count: max(1, width - text.count)) + text
        }
        print(
            name.padding(toLength: 14, withPad: " ", startingAt: 0) + column(costs.instructions, 12)
                + column(costs.allocations, 13) + column(costs.systemCalls, 14))
        return costs
    }

    private static func judge(_ measured: GateBaseline, _ baseline: GateBaseline) throws {
        switch GateVerdict(measured, against: baseline) {
        case .otherCompiler(let recorded, let found):
            print("not judged: recorded with \(recorded), this is \(found); re-record with make gates-record")
        case .judged(let worse, let better):
            for text in better { print("better than the baseline, which make gates-record would keep: \(text)") }
            if !worse.isEmpty { throw Failure("a task costs more than it did:\n  " + worse.joined(separator: "\n  ")) }
            print("no task costs more than it did")
        }
    }

    /// A regression that is planted must be found in each count.
    private static func checkItself(_ program: Program, _ measured: GateBaseline) throws {
        guard let post = measured.workloads["post"] else { throw Failure("post was not measured") }
        let worse = GateVerdict.worse(show("planted", try costs(of: "planted", program)), than: post)
        guard worse.count == 3 else {
            throw Failure("of a planted regression only this was found: \(worse.joined(separator: ", "))")
        }
        print("the planted regression was found in each count")
    }
}

/// What cannot be counted, or is too much.
struct Failure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
