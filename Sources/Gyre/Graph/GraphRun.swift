import GyreCore

/// What a node of one run has come to.
enum NodeStatus: UInt8 {
    case waiting, succeeded, failed, timedOut, skipped, upstreamFailed, cancelled
}

/// One node of one run. Written by whoever ends it, read by whoever its count-down lets through.
struct NodeCell {
    /// Memory of a ``CountDown``.
    var pending: UInt32 = 0
    var status: NodeStatus = .waiting
    /// For a node that did not run, the node at fault.
    var cause: Int32 = -1
    /// When its last parent ended, when it started and when it ended; nanoseconds, 0 when it is not timed or did not
    /// run.
    var ready: UInt64 = 0
    var started: UInt64 = 0
    var ended: UInt64 = 0
    var error: (any Error)?
}

/// An ordered node of one run: its link in the line of its key. The link comes first, so its address is the cell's.
struct OrderedCell {
    var link: UInt64 = 0
    var line: Unmanaged<KeyedLineBase>?
    var run: Unmanaged<GraphRun>?
    var node: Int = 0
}

@usableFromInline
struct GraphRunHeader {
    /// Both are held by the run: released when it is freed, and not counted in between.
    let plan: Unmanaged<GraphPlanCore>
    let runtime: Unmanaged<Runtime>
    /// By which it came in, and leaves when it completes.
    let stripe: UInt32
    /// Stamp of the submit; 0 when this run is not timed.
    let submitted: UInt64
    /// When nodes that have not started are given up, in nanoseconds; 0 for never.
    let deadline: UInt64
    let ledger: RunLedger?
    /// For a run that is kept under a name.
    let recording: RecordedRun?
    var completion: (@Sendable (GraphResult) -> Void)?
}

/// One run of a plan: a count-down, a cell for each node, the input and the outputs, in one allocation.
///
///     | nodes left 4 | cancelled 4 | … | node cells | ordered cells | conditions | input | outputs |
///
/// The run holds itself from its submit to its completion, and once for each line whose tail it is.
///
/// Safe to share, although ManagedBuffer cannot be declared so: the input is written before the run is queued; a
/// node's cell and output are written by the worker that ends it, before the count-downs of its children and of the
/// run, through which every reader has come.
@usableFromInline
final class GraphRun: ManagedBuffer<GraphRunHeader, SIMD2<UInt64>> {
    static let cellsOffset = 16

    static func make(
        _ plan: GraphPlanCore, runtime: Runtime, stripe: UInt32, submitted: UInt64, deadline: UInt64,
        recording: RecordedRun?, completion: (@Sendable (GraphResult) -> Void)?,
        input: (UnsafeMutableRawPointer) -> Void
    ) -> GraphRun {
        let buffer = GraphRun.create(minimumCapacity: (plan.bytes + 15) / 16) { _ in
            GraphRunHeader(
                plan: .passRetained(plan), runtime: .passRetained(runtime), stripe: stripe, submitted: submitted,
                deadline: deadline, ledger: plan.needsLedger ? RunLedger() : nil, recording: recording,
                completion: completion)
        }
        let run = unsafeDowncast(buffer, to: GraphRun.self)
        let base = run.base
        CountDown(at: base).open(UInt32(plan.nodes.count))
        run.cancelFlag.lower()
        let cells = run.cells
        for index in 0..<plan.nodes.count {
            (cells + index).initialize(to: NodeCell())
            CountDown(at: cells + index).open(plan.withNode(index) { $0.arrivals })
        }
        for (place, node) in plan.orderedNodes.enumerated() {
            (run.orderedCells + place).initialize(to: OrderedCell(node: node))
            OrderLine.prepare(run.orderedCells + place)
        }
        if plan.conditionalEdges > 0 {
            (base + plan.conditionsOffset).initializeMemory(
                as: Bool.self, repeating: true, count: plan.conditionalEdges)
        }
        input(base + Int(plan.offsets[0]))
        return run
    }

    deinit {
        let (base, cells) = (base, cells)
        withPlan { plan in
            for index in 0..<plan.nodes.count where cells[index].status == .succeeded {
                plan.withNode(index) { $0.destroy(base + Int(plan.offsets[index + 1])) }
            }
            cells.deinitialize(count: plan.nodes.count)
            plan.destroyInput(base + Int(plan.offsets[0]))
        }
        content.pointee.plan.release()
        content.pointee.runtime.release()
    }

    // MARK: - Memory

    /// The header in place: a copy would retain all it refers to.
    @inline(__always)
    var content: UnsafeMutablePointer<GraphRunHeader> { withUnsafeMutablePointerToHeader { $0 } }

    var plan: GraphPlanCore { content.pointee.plan.takeUnretainedValue() }

    @inline(__always)
    func withPlan<Value>(_ use: (GraphPlanCore) throws -> Value) rethrows -> Value {
        try content.pointee.plan._withUnsafeGuaranteedRef(use)
    }

    @inline(__always)
    func withRuntime<Value>(_ use: (Runtime) -> Value) -> Value {
        content.pointee.runtime._withUnsafeGuaranteedRef(use)
    }

    @inline(__always)
    var base: UnsafeMutableRawPointer { withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) } }

    @inline(__always)
    var cells: UnsafeMutablePointer<NodeCell> {
        (base + Self.cellsOffset).assumingMemoryBound(to: NodeCell.self)
    }

    @inline(__always)
    var orderedCells: UnsafeMutablePointer<OrderedCell> {
        (base + withPlan { $0.orderedOffset }).assumingMemoryBound(to: OrderedCell.self)
    }

    var cancelFlag: SharedFlag { SharedFlag(at: base + 4) }

    /// Nodes that have not started yet will not, and async bodies are cancelled. The first reason stays.
    func cancel(_ reason: CancelReason) {
        cancelFlag.raise(reason.flag)
        content.pointee.ledger?.cancelRunning(evenAlways: reason == .shutdown)
    }

    var ledger: RunLedger {
        guard let ledger = content.pointee.ledger else { preconditionFailure("the plan needs no ledger") }
        return ledger
    }

    /// Why the run was cancelled; a run that was not is not asked.
    var cancelReason: CancelReason { CancelReason(flag: cancelFlag.reason) }

    /// Whether the condition of an edge was asked and did not hold.
    func isUntaken(_ edge: PlanEdge) -> Bool { edge.place >= 0 && !takenEdges[Int(edge.place)] }

    var takenEdges: UnsafeMutablePointer<Bool> {
        (base + withPlan { $0.conditionsOffset }).assumingMemoryBound(to: Bool.self)
    }

    // MARK: - Submit

    /// Reserves a place in the line of every ordered node, or none.
    func reserveLines() throws(LineRefusal) {
        let plan = plan
        for place in plan.lines.indices {
            do {
                orderedCells[place].line = .passRetained(try plan.lines[place].reserve(base, plan.offsets))
            } catch {
                for taken in 0..<place { giveBackLine(taken) }
                throw error
            }
        }
    }

    /// Whoever waits for a place in a line that was full looks again.
    func giveBack(_ line: KeyedLineBase) {
        if line.giveBackPlace() { withRuntime { $0.pool.taskSettled() } }
    }

    private func giveBackLine(_ place: Int) {
        if let line = orderedCells[place].line?.takeUnretainedValue() { giveBack(line) }
        orderedCells[place].line?.release()
        orderedCells[place].line = nil
    }

    /// Joins the lines. From here on the run must start, or be abandoned.
    func enterLines() {
        for place in plan.lines.indices {
            let cell = orderedCells + place
            cell.pointee.run = .passRetained(self)  // the tail's reference
            guard let line = cell.pointee.line?.takeUnretainedValue() else { continue }
            let isFirst = line.order.enter(cell) { before in
                before.assumingMemoryBound(to: OrderedCell.self).pointee.run?.release()
            }
            // Never the last arrival: the start of the run, or a parent, is still to come.
            if isFirst { _ = CountDown(at: cells + cell.pointee.node).arrive() }
        }
    }

    /// Settles a run that could not be queued: its lines go on, nobody hears of it, and its place among the live runs
    /// ends.
    func abandon() {
        content.pointee.completion = nil
        Self.drive(.passUnretained(self), .start, nil, closed: true)
    }
}

extension CancelReason {
    /// As a run keeps it; 0 is no reason.
    fileprivate var flag: UInt32 {
        switch self {
        case .user: return 1
        case .shutdown: return 2
        case .failure: return 3
        }
    }

    fileprivate init(flag: UInt32) {
        switch flag {
        case 2: self = .shutdown
        case 3: self = .failure
        default: self = .user
        }
    }
}
