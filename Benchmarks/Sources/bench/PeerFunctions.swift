import BenchKit
import BenchPeers

/// A subject that is a function of BenchPeers, and the Debian package that its header comes from.
struct PeerFunction: Sendable {
    let name: String
    let package: String?
    let function: bench_function
    /// After which a run is ended: a hundred times what any is meant to take.
    private static var secondsMax: UInt32 { PeerProgram.areRunsShort ? 1 : 3 }

    func subject(_ shape: Shape) -> Subject {
        Subject(name) { operations in
            var shape = shape.parameters(operations)
            var result = bench_result()
            switch bench_isolated(function, &shape, &result, Self.secondsMax) {
            case BENCH_DONE: return Run(result)
            case BENCH_ABSENT:
                throw LeftOut("\(package ?? "its package") was not there when this program was compiled")
            case BENCH_NOT_LOADED: throw LeftOut("the library of \(package ?? "its package") cannot be loaded")
            case BENCH_STUCK:
                throw LeftOut("a run of \(operations) operations was not done after \(Self.secondsMax) s")
            case BENCH_CRASHED: throw LeftOut("a run of \(operations) operations crashed")
            case BENCH_UNSUPPORTED: throw LeftOut("it has no such operation")
            default: throw LeftOut("no memory")
            }
        }
    }

    /// The ring that everything is about.
    static let gyre = PeerFunction(name: Cell.own, package: nil, function: bench_gyre)

    /// Ours for fewer threads: subjects where there are no more, beside `gyre`, which is for any number.
    static func kinds(_ shape: Shape) -> [PeerFunction] {
        guard shape.consumers == 1 else { return [] }
        let manyToOne = PeerFunction(name: "gyre-mpsc", package: nil, function: bench_gyre_mpsc)
        let oneToOne = PeerFunction(name: "gyre-spsc", package: nil, function: bench_gyre_spsc)
        return shape.producers == 1 ? [oneToOne, manyToOne] : [manyToOne]
    }

    /// Rings that keep one order for all: first in, first out.
    static let inOrder = [
        PeerFunction(name: "libcds-vyukov", package: "libcds-dev", function: bench_libcds),
        PeerFunction(name: "boost", package: "libboost-dev", function: bench_boost),
        PeerFunction(name: "tbb", package: "libtbb-dev", function: bench_tbb),
        PeerFunction(name: "ck_ring", package: "libck-dev", function: bench_ck_ring),
        PeerFunction(name: "rte_ring", package: "libdpdk-dev", function: bench_rte_ring),
        PeerFunction(name: "rte_ring-hts", package: "libdpdk-dev", function: bench_rte_ring_hts),
        PeerFunction(name: "rte_ring-rts", package: "libdpdk-dev", function: bench_rte_ring_rts),
        mutex,
    ]
    static let moodycamel = PeerFunction(
        name: "moodycamel", package: "libconcurrentqueue-dev", function: bench_moodycamel)
    static let mutex = PeerFunction(name: "mutex", package: nil, function: bench_mutex)
    static let rawLine = PeerFunction(name: "raw-line", package: nil, function: bench_raw_line)
    static let counters = [
        PeerFunction(name: Cell.own, package: nil, function: bench_counter_cells),
        PeerFunction(name: "gyre-striped", package: nil, function: bench_counter_stripes),
        PeerFunction(name: "fetch-add", package: nil, function: bench_counter_fetch_add),
    ]
}

/// What a cell asks of every subject.
struct Shape: Sendable {
    var kind: bench_kind
    var element = BENCH_HANDLE
    var producers: UInt32 = 1
    var consumers: UInt32 = 1
    var batch: UInt32 = 1
    static let capacity: UInt32 = 1_024

    func parameters(_ operations: UInt64) -> bench_shape {
        bench_shape(
            kind: kind, element: element, producers: producers, consumers: consumers, capacity: Self.capacity,
            batch: batch, operations: operations)
    }
}

extension Run {
    init(_ result: bench_result) {
        self.init(
            nanoseconds: result.nanoseconds, operations: result.operations, countIn: result.count_in,
            countOut: result.count_out, digestIn: result.digest_in, digestOut: result.digest_out)
    }
}
