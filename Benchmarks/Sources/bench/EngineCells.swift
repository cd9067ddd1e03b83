import BenchKit
import BenchPools

/// The cells of what stands on the pool: graphs, dependencies under too much work, and a million that wait.
enum EngineCells {
    static let all = [graphNode] + overload + [manyTimers]

    private static let graphNode = Cell(
        "graph/node", .time, targets: [.atMost(150)],
        note: "of five nodes with empty bodies, with the run's submit and end; journal is an entry kept in memory",
        PoolSubjects.all(["gyre", "journal"], PoolRequest("", .graphNode)))

    private static let overload = [
        Cell(
            "overload/goodput", .time, effort: .each(3_000), targets: [Target(0.9, ["peak"])],
            note: "time a good call, of a service with 10,000 a second; gyre has ten times as many, peak what fits",
            PoolSubjects.all(["gyre", "peak"], PoolRequest("", .goodput))),
        Cell(
            "overload/urgent", .p50, effort: .each(200), note: "most urgent calls above ten times the load, and alone",
            also: [Cell.View(" p99", .p99, targets: [Target(0.5, ["unloaded"])])],
            PoolSubjects.all(["gyre", "unloaded"], PoolRequest("", .urgent))),
        Cell(
            "overload/bystanders", .time, effort: .each(20_000), targets: [Target(0.95, ["all-alive"])],
            note: "tasks of 20 us while others call a service that is dead, or one that answers",
            PoolSubjects.all(["gyre", "all-alive"], PoolRequest("", .bystanders), microseconds: 20)),
    ]

    private static let manyTimers = Cell(
        "memory/million-waiting", .memory, effort: .once(1_000_000), targets: [.atMost(2_147)],
        note: "live tasks whose answers are due within 10 s; all wait at once before the first is due",
        also: [Cell.View(" lateness p99", .p99, targets: [.atMost(50_000_000)])],
        PoolSubjects.once(["gyre"], .manyTimers))
}
