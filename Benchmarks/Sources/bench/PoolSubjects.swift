import BenchKit
import BenchPeers
import BenchPools

/// Who has a pool. Each subject has a process of its own, which lives until the end.
enum PoolSubjects {
    static let submitting = ["gyre", "gyre-unstamped"] + peers
    static let peers = [
        "dispatch", "operation-queue", "swift-task", "nio", "mutex", "tbb", "tokio", "rayon", "crossbeam",
        "crossbeam-bounded", "go",
    ]

    /// Who lives in a process of this program.
    static let ownProcess = submitting.filter { $0 != "go" && !RustPeer.subjects.contains($0) }

    /// What everybody of these names does.
    static func all(_ names: [String], _ request: PoolRequest, microseconds: UInt64 = 0) -> [Subject] {
        names.map { name in
            Subject(name) { operations in
                var request = request
                request.subject = name
                request.operations = operations
                request.rounds = microseconds * roundsPerMicrosecond
                return try running(name).ask(request.line)
            }
        }
    }

    /// The same, but with a process for each run: its heap has nothing to reuse.
    static func fresh(_ names: [String], _ kind: PoolRequest.Kind) -> [Subject] {
        names.map { name in
            Subject(name) { operations in
                let run = try start(name).ask(PoolRequest(name, kind, .word, operations: operations).line)
                guard kind == .timer else { return run }
                // Beyond what the same tasks hold when they wait for something else.
                let without = PoolRequest(name, name == "go" ? .parked : .suspended, operations: operations)
                let suspended = try start(name).ask(without.line)
                var timers = run
                timers.bytes = run.bytes - min(run.bytes, suspended.bytes)
                return timers
            }
        }
    }

    /// A run of many seconds in a process of its own; not for a quick look.
    static func once(_ names: [String], _ kind: PoolRequest.Kind) -> [Subject] {
        names.map { name in
            Subject(name) { operations in
                guard !PeerProgram.areRunsShort else { throw LeftOut("it takes too long for a quick run") }
                return try start(name).ask(PoolRequest(name, kind, operations: operations).line)
            }
        }
    }

    /// How many rounds of the tasks' work take a microsecond: the best of some tries, before anything else runs.
    static let roundsPerMicrosecond: UInt64 = {
        let rounds: UInt64 = 1_000_000
        let best = (0..<20).map { _ in
            let began = bench_now()
            _ = bench_work(began, rounds)
            return bench_now() - began
        }.min()
        return rounds * 1_000 / (best ?? 1)
    }()

    nonisolated(unsafe) private static var programs: [String: PeerProgram] = [:]  // subjects run on one thread

    private static func running(_ name: String) throws(LeftOut) -> PeerProgram {
        // One that was ended for being stuck is made anew: another cell may suit it.
        if let program = programs[name], !program.isOver { return program }
        let program = try start(name)
        programs[name] = program
        return program
    }

    private static func start(_ name: String) throws(LeftOut) -> PeerProgram {
        switch name {
        case "go": try GoPeer.start()
        case _ where RustPeer.subjects.contains(name): try RustPeer.start()
        default: try PeerProgram(PeerProgram.ownPath, [PoolServer.argument])
        }
    }
}
