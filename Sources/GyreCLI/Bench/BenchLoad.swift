import Glibc
import Gyre
import GyreBench

/// How a task is submitted.
enum BenchLevel: String, CaseIterable, Sendable {
    /// A C function and a word: the address of what it needs to know, allocated for each.
    case fire
    /// A closure; nobody waits for its value.
    case post
    /// A closure with a handle for its value.
    case handle
    /// An async closure, called from a Swift task of its own.
    case run
}

/// What is measured.
enum BenchKind: Sendable {
    case ring
    case submit(BenchLevel)
    case graph

    /// The same for ever, so that files of different days can be put side by side.
    var title: String {
        switch self {
        case .ring: "bench/ring"
        case .submit(let level): "bench/submit \(level.rawValue)"
        case .graph: "bench/graph five nodes"
        }
    }
}

/// Operations of one kind, until ``end()``.
protocol BenchLoad: Sendable {
    /// Begins an operation. In a closed loop it waits for room.
    func offer(_ stamp: LoadStamp, whenFull: WhenFull) -> LoadRun.Offer

    /// Gives back what it started. Everything that began has ended.
    func end()
}

/// Tasks of a runtime.
struct SubmitLoad: BenchLoad {
    let runtime: Runtime
    let meter: LoadMeter
    let level: BenchLevel

    func offer(_ stamp: LoadStamp, whenFull: WhenFull) -> LoadRun.Offer {
        do {
            switch level {
            case .fire: try fire(stamp, whenFull: whenFull)
            case .post: try runtime.post(whenFull: whenFull) { meter.complete(stamp) }
            case .handle:
                let _: TaskHandle<UInt64> = try runtime.post(whenFull: whenFull) {
                    meter.complete(stamp)
                    return stamp.number
                }
            case .run:
                Task { [runtime] in
                    // Refused only when the runtime is closed, which it is not before everything has ended; an
                    // operation that is refused nevertheless does not end, and the run says so.
                    try await runtime.run { meter.complete(stamp) }
                }
            }
            return .accepted
        } catch {
            return .refused
        }
    }

    func end() { runtime.drainBlocking() }

    /// `fire` has no wait of its own: in a closed loop it is tried until there is room.
    private func fire(_ stamp: LoadStamp, whenFull: WhenFull) throws(SubmitError) {
        let operation = UnsafeMutablePointer<FiredOperation>.allocate(capacity: 1)
        operation.initialize(to: FiredOperation(stamp: stamp, meter: meter))
        while true {
            do throws(SubmitError) {
                return try runtime.fire(FiredOperation.complete, UInt64(UInt(bitPattern: operation)))
            } catch {
                if error == .full, whenFull == .wait {
                    sched_yield()
                    continue
                }
                operation.deinitialize(count: 1)
                operation.deallocate()
                throw error
            }
        }
    }
}

/// What the function of a fired operation needs: it lies at the address that is its word, and the function frees it.
private struct FiredOperation {
    let stamp: LoadStamp
    let meter: LoadMeter

    static let complete: @convention(c) (UInt64) -> Void = { word in
        guard let operation = UnsafeMutablePointer<FiredOperation>(bitPattern: UInt(word)) else { return }
        let moved = operation.move()
        operation.deallocate()
        moved.meter.complete(moved.stamp)
    }
}

/// Runs of one graph.
///
///     first ──▶ left ──▶ last
///       │──▶ middle ──▶──│
///       └──▶ right ──▶───┘
struct GraphLoad: BenchLoad {
    private let runtime: Runtime
    private let meter: LoadMeter
    private let plan: GraphPlan<UInt64>
    private let last: Node<UInt64>

    init(runtime: Runtime, meter: LoadMeter) throws(GraphError) {
        self.runtime = runtime
        self.meter = meter
        var graph = TaskGraph<UInt64>("bench")
        let first = graph.node("first") { $0 }
        let left = graph.node("left", first) { $1 &+ 1 }
        let middle = graph.node("middle", first) { $1 &+ 2 }
        let right = graph.node("right", first) { $1 &+ 3 }
        last = graph.node("last", left, middle, right) { $1 &+ $2 &+ $3 }
        plan = try graph.build()
    }

    func offer(_ stamp: LoadStamp, whenFull: WhenFull) -> LoadRun.Offer {
        do {
            try runtime.post(plan, stamp.number, whenFull: whenFull) { [last, meter] result in
                // A wrong value does not end the operation, and the run says so.
                if case .succeeded(stamp.number &* 3 &+ 6) = result[last] { meter.complete(stamp) }
            }
            return .accepted
        } catch {
            return .refused
        }
    }

    func end() { runtime.drainBlocking() }
}
