import BenchKit
import BenchPeers
import GyreCore

/// All cells in the order of the report. Titles are stable.
enum Cells {
    static let all = streams + batches + [blocking, uncontended, pingPong, emptyPop, counter, clock] + PoolCells.all

    private static let mixes: [(UInt32, UInt32)] = [(1, 1), (1, 2), (2, 1), (2, 2), (4, 4)]
    private static let orderedNames = Set(PeerFunction.inOrder.map(\.name) + ["go"])
    /// Of the peers, those in which no thread waits for another by design of the algorithm's caller: without a lock.
    private static let lockFreeNames: Set<String> = ["boost", "moodycamel"]

    private static let streams: [Cell] = [
        ("handle", BENCH_HANDLE), ("word64", BENCH_WORD64), ("record32", BENCH_RECORD32),
    ].flatMap { name, element in
        mixes.map { producers, consumers in
            let shape = Shape(kind: BENCH_STREAM, element: element, producers: producers, consumers: consumers)
            let target =
                if element != BENCH_HANDLE { Target(1, lockFreeNames) } else {
                    Target(producers + consumers > 3 ? 1.2 : 1, orderedNames)
                }
            return Cell(
                "ring/\(name) \(producers)p\(consumers)c", .throughput, targets: [target],
                rings(shape) + [SwiftRings.subject(shape), GoPeer.subject(shape)])
        }
    }

    private static let batches: [Cell] = [UInt32(8), 32].flatMap { batch in
        mixes.map { producers, consumers in
            let shape = Shape(kind: BENCH_STREAM, producers: producers, consumers: consumers, batch: batch)
            let peers = PeerFunction.inOrder.filter { $0.name.hasPrefix("rte_ring") } + [.moodycamel, .mutex]
            let isTarget = batch == 32 && producers == consumers
            return Cell(
                "ring/batch\(batch) \(producers)p\(consumers)c", .throughput,
                targets: isTarget ? [Target(producers == 4 ? 2.5 : 1.2, ["rte_ring"])] : [],
                ([.gyre] + peers).map { $0.subject(shape) })
        }
    }

    private static let blocking: Cell = {
        let shape = Shape(kind: BENCH_BLOCKING, producers: 4, consumers: 4)
        let peers = PeerFunction.inOrder.filter { ["tbb", "mutex"].contains($0.name) } + [.moodycamel]
        return Cell(
            "ring/blocking 4p4c", .throughput, targets: [Target(10, ["mutex"])],
            ([.gyre] + peers).map { $0.subject(shape) } + [GoPeer.subject(shape)])
    }()

    private static let uncontended = Cell(
        "ring/uncontended", .time, note: "one push and one pop",
        rings(Shape(kind: BENCH_UNCONTENDED)) + [GoPeer.subject(Shape(kind: BENCH_UNCONTENDED))])

    private static let pingPong = Cell(
        "ring/ping-pong", .time, targets: [Target(1 / 1.1, ["raw-line"])], note: "there and back, over two rings",
        rings(Shape(kind: BENCH_PING_PONG))
            + [
                PeerFunction.rawLine.subject(Shape(kind: BENCH_PING_PONG)),
                GoPeer.subject(Shape(kind: BENCH_PING_PONG)),
            ])

    private static let emptyPop = Cell(
        "ring/empty-pop", .time,
        rings(Shape(kind: BENCH_EMPTY_POP)) + [GoPeer.subject(Shape(kind: BENCH_EMPTY_POP))])

    private static let counter = Cell(
        "counter/increment 2t", .time, targets: [Target(8, ["fetch-add"])],
        note: "each of two threads; gyre is the cell of a worker, gyre-striped what any thread uses",
        PeerFunction.counters.map { $0.subject(Shape(kind: BENCH_COUNT, producers: 2)) }
            + [SwiftMetrics.subject(threads: 2)])

    private static let clock = Cell("clock/read", .time, [Clocks.gyre, Clocks.continuous])

    private static func rings(_ shape: Shape) -> [Subject] {
        ([.gyre] + PeerFunction.kinds(shape) + PeerFunction.inOrder + [.moodycamel]).map { $0.subject(shape) }
    }
}
