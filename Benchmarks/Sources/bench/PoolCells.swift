import BenchKit
import BenchPools

/// The cells of executors, their memory and their stamps.
enum PoolCells {
    static let all = floods + [runs, groups, shapes, latencies, memory].joined() + [stamps] + EngineCells.all

    private static let bodies: [(String, PoolRequest.Body, UInt64)] = [
        ("empty", .empty, 0), ("word", .word, 0), ("1us", .work, 1), ("20us", .work, 20),
    ]
    private static let submitters: [UInt64] = [1, 4]

    /// Closures that capture nothing cost crossbeam no allocation, and no peer stamps.
    private static func targets(_ body: PoolRequest.Body) -> [Target] {
        guard body != .work else { return [] }
        let others = [
            Target(4, ["tokio"]), Target(5, ["dispatch"]), Target(6, ["tbb"]), Target(6, ["go"]), Target(3, ["rayon"]),
        ]
        return others + [Target(body == .word ? 1 : 0.4, ["crossbeam"])]
    }

    private static let floods: [Cell] = [PoolRequest.Kind.fire, .post].flatMap { kind in
        bodies.flatMap { name, body, microseconds in
            submitters.map { submitters in
                Cell(
                    "executor/\(kind.rawValue) \(name) \(submitters)s", .time,
                    targets: kind == .post ? targets(body) : [],
                    PoolSubjects.all(
                        PoolSubjects.submitting, PoolRequest("", kind, body, submitters: submitters),
                        microseconds: microseconds))
            }
        }
    }

    private static let runs: [Cell] = bodies.filter { $0.1 != .word }.flatMap { name, body, microseconds in
        submitters.map { submitters in
            Cell(
                "executor/run \(name) \(submitters)s", .time,
                targets: body == .empty ? [Target(3, ["swift-task"])] : [],  // else the bodies are most of both
                note: "callers that wait for each value; gyre's and swift-task's live where their tasks run",
                PoolSubjects.all(
                    ["gyre", "gyre-from-outside", "swift-task", "nio", "tokio", "go"],
                    PoolRequest("", .run, body, submitters: submitters), microseconds: microseconds))
        }
    }

    private static let million: UInt64 = 1_000_000
    private static let millionNote = "a million; those who need too long for it have as many as fit the time"

    private static let groups = [
        Cell(
            "executor/group", .time, effort: .upTo(million), targets: [Target(3, ["swift-group"])], note: millionNote,
            PoolSubjects.all(["gyre", "swift-group"], PoolRequest("", .group, .word))),
        Cell(
            "executor/discarding-group", .time, effort: .upTo(million), targets: [Target(3, ["swift-group"])],
            note: millionNote,
            PoolSubjects.all(["gyre", "swift-group"], PoolRequest("", .discardingGroup, .word))),
        Cell(
            "executor/task-executor 1s", .time, note: "Task(executorPreference:) on the workers",
            PoolSubjects.all(["gyre", "swift-task"], PoolRequest("", .taskExecutor, .word))),
    ]

    private static let shapes = [
        Cell(
            "executor/fan-out", .time, effort: .upTo(million), note: millionNote,
            PoolSubjects.all(PoolSubjects.submitting, PoolRequest("", .fanOut, .word))),
        Cell(
            "executor/tree", .time, effort: .upTo(1 << 18), note: "each task forks two, 17 deep; nanoseconds a task",
            PoolSubjects.all(PoolSubjects.submitting, PoolRequest("", .tree))),
    ]

    private static let latencies =
        [
            Cell(
                "executor/idle-start", .p50, effort: .each(300), targets: [Target(1, ["dispatch"])],
                also: [Cell.View(" p99", .p99, targets: [Target(2, ["dispatch"])])],
                PoolSubjects.all(PoolSubjects.submitting, PoolRequest("", .idleStart, .work))),
            Cell(
                "executor/idle-processor", .processor, effort: .each(300), targets: [.atMost(1)],
                note: "percent of one core that an idle pool takes, right after a flood",
                PoolSubjects.all(PoolSubjects.ownProcess, PoolRequest("", .idleProcessor))),
            Cell(
                "executor/paced 10us", .p50, effort: .each(10_000),
                note: "response from the intended start, of tasks of 1 us",
                also: [Cell.View(" p99", .p99, targets: [Target(1, Set(PoolSubjects.peers))])],
                PoolSubjects.all(PoolSubjects.submitting, PoolRequest("", .paced, .work), microseconds: 1)),
        ]
        + [UInt64(30), 60, 90].map { load in
            Cell(
                "executor/open-loop \(load)%", .p50, effort: .each(load * 100),
                note: "response from the intended start, of tasks of 20 us; all of the machine's cores are 100 %",
                also: [Cell.View(" p99", .p99)],
                PoolSubjects.all(
                    PoolSubjects.submitting, PoolRequest("", .openLoop, .work, load: load), microseconds: 20))
        }

    private static let memory = [("queued", PoolRequest.Kind.queued), ("timer", .timer), ("suspended", .suspended)].map
    {
        Cell(
            "memory/\($0)", .memory, effort: .steady(million), targets: $0 == "timer" ? [.atMost(128)] : [],
            note: $0 == "timer" ? "beyond a task that waits for something else" : nil,
            PoolSubjects.fresh(["gyre", "swift-task", "tokio", "go"], $1))
    }

    private static let stamps = Cell(
        "stamp/overhead", .time, targets: [.atMost(20)], note: "a stamped post less one without stamps, in turns",
        PoolSubjects.all(["gyre"], PoolRequest("", .stampOverhead)))
}
