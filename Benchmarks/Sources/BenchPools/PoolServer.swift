import BenchKit
import BenchPeers
import Glibc
import Gyre

/// The process of one subject: reads a request a line, and answers it with the numbers of its run. Each subject has a
/// process of its own, so that no pool's threads, heap or queues are there when another one is measured.
package enum PoolServer {
    package static let argument = "--serve"

    package static func serve() {
        let pools = Pools()
        while let line = readLine() {
            guard let request = PoolRequest(line: line) else { return complain("\(line) is not understood") }
            print(answer(request, pools))
            fflush(nil)
        }
    }

    /// Nine numbers, or the reason why there are none.
    private static func answer(_ request: PoolRequest, _ pools: Pools) -> String {
        guard let run = run(request, pools) else { return "left out: it has no such operation" }
        let numbers = [
            run.nanoseconds, run.operations, run.countIn, run.countOut, run.digestIn, run.digestOut, run.p50, run.p99,
            run.bytes,
        ]
        return numbers.map(String.init).joined(separator: " ")
    }

    /// `nil` when the subject has no such operation.
    static func run(_ request: PoolRequest, _ pools: Pools) -> Run? {
        bench_set_work_rounds(request.rounds)
        switch request.kind {
        case .run: return Awaited.run(request.subject, request, pools)
        case .group, .discardingGroup: return Awaited.group(request.subject, request, pools)
        case .stampOverhead: return stampOverhead(request, pools)
        case .graphNode:
            return request.subject == "journal"
                ? GraphNodes.journal(request, pools.gyre) : GraphNodes.run(request, pools.gyre)
        case .goodput: return Overload.goodput(request, pools.gyre)
        case .urgent: return Overload.urgent(request, pools.gyre)
        case .bystanders: return Overload.bystanders(request, pools.gyre)
        case .manyTimers: return ManyTimers.run(request)
        case .queued, .timer, .suspended, .parked: return PoolMemory.run(request)
        default:
            guard let pool = pools.pool(request) else { return nil }
            return drive(pool, request)
        }
    }

    private static func drive(_ pool: any Pool, _ request: PoolRequest) -> Run? {
        switch request.kind {
        case .fire, .post, .taskExecutor: Loops.flood(pool, request)
        case .fanOut: Loops.fanOut(pool, request)
        case .tree: Loops.tree(pool, request)
        case .idleStart: Loops.idleStart(pool, request)
        case .idleProcessor: Loops.idleProcessor(pool, request)
        case .paced: Loops.paced(pool, request)
        case .openLoop: Loops.openLoop(pool, request)
        default: nil
        }
    }

    /// What stamps cost: the same flood with and without them, in turns.
    private static func stampOverhead(_ request: PoolRequest, _ pools: Pools) -> Run? {
        var half = request
        half.operations = request.operations / 2
        let (stamped, unstamped) = (GyrePost(pools.gyre), GyrePost(pools.unstamped))
        let isFirst = pools.takeTurn()
        let first = Loops.flood(isFirst ? stamped : unstamped, half)
        let second = Loops.flood(isFirst ? unstamped : stamped, half)
        let (with, without) = isFirst ? (first, second) : (second, first)
        guard first.complaint == nil else { return first }
        var run = second
        run.nanoseconds = max(1, with.nanoseconds - min(with.nanoseconds, without.nanoseconds))
        return run
    }

    private static func complain(_ text: String) {
        let complaint = Array("bench: \(text)\n".utf8)
        write(STDERR_FILENO, complaint, complaint.count)
        exit(2)
    }
}

/// The pools of this process, each made when it is first asked for.
final class Pools {
    private(set) lazy var gyre = must { try Runtime() }
    private(set) lazy var unstamped = must {
        var configuration = Runtime.Configuration()
        configuration.timing = .off
        return try Runtime(configuration)
    }
    private(set) lazy var nio = NIOPool(workers: workers)
    private let workers = CPUTopology.current().effectiveParallelism
    private var turns = 0
    private var made: [String: any Pool] = [:]

    func pool(_ request: PoolRequest) -> (any Pool)? {
        let name = request.kind == .fire || request.kind == .taskExecutor ? request.kind.rawValue : ""
        let key = request.subject + name
        if let pool = made[key] { return pool }
        made[key] = make(request)
        return made[key]
    }

    /// True every other time.
    func takeTurn() -> Bool {
        turns += 1
        return turns.isMultiple(of: 2)
    }

    private func make(_ request: PoolRequest) -> (any Pool)? {
        switch request.subject {
        case "gyre", "gyre-unstamped":
            let gyre = request.subject == "gyre" ? gyre : unstamped
            switch request.kind {
            case .fire: return GyreFire(gyre)
            case .taskExecutor: return GyreTaskExecutor(gyre)
            default: return GyrePost(gyre)
            }
        case "dispatch": return DispatchPool()
        case "operation-queue": return OperationQueuePool()
        case "swift-task": return SwiftTaskPool()
        case "nio": return nio
        case "mutex": return MutexPool(workers: workers)
        case "tbb": return TBBPool(workers: workers)
        default: return nil
        }
    }
}
