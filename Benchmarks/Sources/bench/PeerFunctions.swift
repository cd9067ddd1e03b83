import BenchKit
import BenchPeers

/// A subject that is a function of BenchPeers, and the Debian package that its header comes from.
struct PeerFunction: Sendable {
    let name: String
    let package: String?
    let function: @Sendable (UnsafePointer<bench_shape>, UnsafeMutablePointer<bench_result>) -> bench_outcome

    func subject(_ shape: Shape) -> Subject {
        Subject(name) { operations in
            var shape = shape.parameters(operations)
            var result = bench_result()
            switch function(&shape, &result) {
            case BENCH_DONE: return Run(result)
            case BENCH_ABSENT:
                throw LeftOut("\(package ?? "its package") was not there when this program was compiled")
            case BENCH_NOT_LOADED: throw LeftOut("the library of \(package ?? "its package") cannot be loaded")
            case BENCH_UNSUPPORTED: throw LeftOut("it has no such operation")
            default: throw LeftOut("no memory")
            }
        }
    }

    /// The ring that everything is about.
    static let gyre = PeerFunction(name: Cell.own, package: nil) { bench_gyre($0, $1) }

    /// Rings that keep one order for all: first in, first out.
    static let inOrder = [
        PeerFunction(name: "libcds-vyukov", package: "libcds-dev") { bench_libcds($0, $1) },
        PeerFunction(name: "boost", package: "libboost-dev") { bench_boost($0, $1) },
        PeerFunction(name: "tbb", package: "libtbb-dev") { bench_tbb($0, $1) },
        PeerFunction(name: "ck_ring", package: "libck-dev") { bench_ck_ring($0, $1) },
        PeerFunction(name: "rte_ring", package: "libdpdk-dev") { bench_rte_ring($0, $1) },
        PeerFunction(name: "rte_ring-hts", package: "libdpdk-dev") { bench_rte_ring_hts($0, $1) },
        PeerFunction(name: "rte_ring-rts", package: "libdpdk-dev") { bench_rte_ring_rts($0, $1) },
        mutex,
    ]
    static let moodycamel = PeerFunction(name: "moodycamel", package: "libconcurrentqueue-dev") {
        bench_moodycamel($0, $1)
    }
    static let mutex = PeerFunction(name: "mutex", package: nil) { bench_mutex($0, $1) }
    static let rawLine = PeerFunction(name: "raw-line", package: nil) { bench_raw_line($0, $1) }
    static let counters = [
        PeerFunction(name: Cell.own, package: nil) { bench_counter_cells($0, $1) },
        PeerFunction(name: "gyre-striped", package: nil) { bench_counter_stripes($0, $1) },
        PeerFunction(name: "fetch-add", package: nil) { bench_counter_fetch_add($0, $1) },
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
