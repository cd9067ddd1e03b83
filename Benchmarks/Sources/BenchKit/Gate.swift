/// What a task of one workload costs, in counts that do not depend on how busy the machine is.
package struct GateCosts: Codable, Sendable, Equatable {
    package var instructions: Double
    package var allocations: Double
    package var systemCalls: Double

    package init(instructions: Double, allocations: Double, systemCalls: Double) {
        self.instructions = instructions
        self.allocations = allocations
        self.systemCalls = systemCalls
    }

    /// The smaller of each count: what chance adds is not in both runs.
    package func least(_ other: GateCosts) -> GateCosts {
        GateCosts(
            instructions: min(instructions, other.instructions), allocations: min(allocations, other.allocations),
            systemCalls: min(systemCalls, other.systemCalls))
    }

    /// By name, each with what a run may be off by: about twice what ten recordings differed by.
    static let counts: [(name: String, path: KeyPath<GateCosts, Double> & Sendable, share: Double, absolute: Double)] =
        [
            ("instructions", \.instructions, 0.02, 2), ("allocations", \.allocations, 0, 0.02),
            ("system calls", \.systemCalls, 0, 0.03),
        ]
}

/// Costs that were recorded: what `make gates` holds new ones against.
package struct GateBaseline: Codable, Sendable, Equatable {
    /// Other compilers make other code.
    package var compiler: String
    /// By the workload's name.
    package var workloads: [String: GateCosts]

    package init(compiler: String, workloads: [String: GateCosts]) {
        self.compiler = compiler
        self.workloads = workloads
    }
}

/// What new costs are beside a baseline.
package enum GateVerdict: Sendable, Equatable {
    /// Nothing can be said: another compiler made the code.
    case otherCompiler(recorded: String, found: String)
    case judged(worse: [String], better: [String])

    package init(_ measured: GateBaseline, against baseline: GateBaseline) {
        guard measured.compiler == baseline.compiler else {
            self = .otherCompiler(recorded: baseline.compiler, found: measured.compiler)
            return
        }
        var worse: [String] = []
        var better: [String] = []
        for name in Set(measured.workloads.keys).union(baseline.workloads.keys).sorted() {
            guard let new = measured.workloads[name], let old = baseline.workloads[name] else {
                worse.append("\(name): not in \(measured.workloads[name] == nil ? "the program" : "the baseline")")
                continue
            }
            worse += Self.worse(new, than: old).map { "\(name): \($0)" }
            better += Self.worse(old, than: new).map { "\(name): \($0), other way round" }
        }
        self = .judged(worse: worse, better: better)
    }

    /// The counts of which `new` has more than `old`, beyond what a run may be off by.
    package static func worse(_ new: GateCosts, than old: GateCosts) -> [String] {
        GateCosts.counts.compactMap { name, path, share, absolute in
            let (had, has) = (old[keyPath: path], new[keyPath: path])
            guard has > had * (1 + share) + absolute else { return nil }
            return "\(Report.hundredths(has)) \(name) a task, \(Report.hundredths(had)) before"
        }
    }
}
