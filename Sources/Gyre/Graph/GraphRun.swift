import GyreCore

/// What a node of one run has come to.
enum NodeStatus: UInt8 {
    case waiting, succeeded, failed, skipped, cancelled
    var isTerminal: Bool { self != .waiting }
}

/// One node of one run. Written by whoever ends it, read by whoever its count-down lets through.
struct NodeCell {
    /// Memory of a ``CountDown``.
    var pending: UInt32 = 0
    var status: NodeStatus = .waiting
    /// For a skipped node, the parent at fault.
    var cause: Int32 = -1
    /// When its last parent ended; nanoseconds.
    var ready: UInt64 = 0
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
    var completion: (@Sendable (GraphResult) -> Void)?
}

/// One run of a plan: a count-down, a cell for each node, the input and the outputs, in one allocation.
///
///     | nodes left 4 | cancelled 4 | … | node cells | ordered cells | input | outputs |
///
/// The run holds itself from its submit to its completion, and once for each line whose tail it is.
///
/// Safe to share, although ManagedBuffer cannot be declared so: the input is written before the run is queued; a
/// node's cell and output are written by the worker that ends it, before the count-downs of its children and of the
/// run, through which every reader has come.
@usableFromInline
final class GraphRun: ManagedBuffer<GraphRunHeader, SIMD2<UInt64>> {
    static let cellsOffset = 16
    /// Nodes that one record runs in a row before it goes back to the queue, so that others get their turn.
    private static let chainMax = 64

    static func make(
        _ plan: GraphPlanCore, runtime: Runtime, stripe: UInt32, submitted: UInt64,
        completion: (@Sendable (GraphResult) -> Void)?, input: (UnsafeMutableRawPointer) -> Void
    ) -> GraphRun {
        let buffer = GraphRun.create(minimumCapacity: (plan.bytes + 15) / 16) { _ in
            GraphRunHeader(
                plan: .passRetained(plan), runtime: .passRetained(runtime), stripe: stripe, submitted: submitted,
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
    private var content: UnsafeMutablePointer<GraphRunHeader> { withUnsafeMutablePointerToHeader { $0 } }

    var plan: GraphPlanCore { content.pointee.plan.takeUnretainedValue() }

    @inline(__always)
    private func withPlan<Value>(_ use: (GraphPlanCore) throws -> Value) rethrows -> Value {
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

    private var cancelFlag: SharedFlag { SharedFlag(at: base + 4) }

    /// Nodes that have not started yet will not.
    func cancel(_ reason: CancelReason) { cancelFlag.raise(reason == .user ? 1 : 2) }
    var cancelReason: CancelReason { cancelFlag.reason == 2 ? .shutdown : .user }

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

    private func giveBackLine(_ place: Int) {
        orderedCells[place].line?.takeUnretainedValue().giveBackPlace()
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
        Self.drive(.passUnretained(self), -1, nil, closed: true)
    }

    // MARK: - Running

    /// A node that is ready, of this run or of one that waited behind it. Its run holds itself until all its nodes
    /// have ended.
    private typealias Ready = (run: Unmanaged<GraphRun>, node: Int)

    /// What one record does: it starts the run (`node` -1) or runs one node, and goes on with what became ready by
    /// that. `seat` is nil only for a run that is abandoned; `closed` cancels instead of running.
    static func drive(_ run: Unmanaged<GraphRun>, _ node: Int, _ seat: WorkerSeat?, closed: Bool) {
        if closed { run._withUnsafeGuaranteedRef { $0.cancel(.shutdown) } }
        var queue: [Ready] = []
        var chained: Ready? = node < 0 ? run._withUnsafeGuaranteedRef { $0.start(&queue) } : (run, node)
        var length = 0
        while let (run, node) = chained ?? queue.popLast() {
            var next: Ready?
            let isComplete = run._withUnsafeGuaranteedRef { run in
                if closed { run.cancel(.shutdown) }
                return run.perform(node, seat, &next, &queue)
            }
            if isComplete { run.release() }  // its hold on itself; nothing of it is touched after this
            chained = next
            length += 1
            if length >= chainMax, let next, next.run._withUnsafeGuaranteedRef({ $0.queueNode(next.node) }) {
                chained = nil
            }
        }
    }

    private func start(_ queue: inout [Ready]) -> Ready? {
        var first: Ready?
        withPlan { plan in
            for root in plan.roots where CountDown(at: cells + root).arrive() {
                cells[root].ready = content.pointee.submitted
                offer(root, &first, &queue)
            }
        }
        return first
    }

    /// Keeps the first ready node for this worker and queues the others, so that other workers can have them. When
    /// every record is out this worker runs them all.
    private func offer(_ node: Int, _ first: inout Ready?, _ queue: inout [Ready]) {
        if first == nil {
            first = (.passUnretained(self), node)
        } else if !queueNode(node) {
            queue.append((.passUnretained(self), node))
        }
    }

    private func queueNode(_ node: Int) -> Bool {
        let word = UInt64(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque()))
        return withRuntime { $0.pool.submitStep(runGraphNode, word, UInt64(bitPattern: Int64(node))) }
    }

    /// Runs one node and settles it, and leaves in `next` a node that became ready by it. True when the run has ended.
    private func perform(_ node: Int, _ seat: WorkerSeat?, _ next: inout Ready?, _ queue: inout [Ready]) -> Bool {
        let cell = cells + node
        let submitted = content.pointee.submitted
        let timed = submitted != 0
        let started = timed ? max(seat?.now ?? 0, cell.pointee.ready) : 0
        var ended: UInt64 = 0
        if let parent = lateCause(of: node) {
            skip(node, because: parent, seat)
            return settle(node, at: cell.pointee.ready, seat, &next, &queue)
        }
        if withRuntime({ $0.pool.isStopping }) { cancel(.shutdown) }
        if cancelFlag.reason == 0, let seat {
            let failed = !runBody(node, cell)
            if timed {
                ended = seat.stamp()
                seat.recordDone(
                    failed: failed, submitted: submitted, ready: cell.pointee.ready, started: started, ended: ended)
            } else {
                seat.recordDone(failed: failed)
            }
        } else {
            cell.pointee.status = .cancelled
            seat?.recordCancelled()
            ended = started
        }
        return settle(node, at: ended, seat, &next, &queue)
    }

    private func runBody(_ node: Int, _ cell: UnsafeMutablePointer<NodeCell>) -> Bool {
        withPlan { plan in
            plan.withNode(node) { description in
                do {
                    if description.ordered < 0 {
                        try description.body(base, plan.offsets, nil)
                    } else {
                        try description.body(
                            base, plan.offsets, orderedCells[description.ordered].line?.takeUnretainedValue())
                    }
                    cell.pointee.status = .succeeded
                    return true
                } catch {
                    cell.pointee.error = error
                    cell.pointee.status = .failed
                    return false
                }
            }
        }
    }

    /// A node has ended: its children, the next in its line, and at last the run. True when the run has ended.
    private func settle(
        _ node: Int, at ended: UInt64, _ seat: WorkerSeat?, _ next: inout Ready?, _ queue: inout [Ready]
    ) -> Bool {
        var skipped = [Int]()
        var current = node
        while true {
            withPlan { plan in
                plan.withNode(current) { description in
                    if description.ordered >= 0 { leaveLine(description.ordered, at: ended, &next, &queue) }
                    for child in description.children where CountDown(at: cells + child).arrive() {
                        cells[child].ready = ended
                        if let cause = cause(of: child, plan) {
                            skip(child, because: cause, seat)
                            skipped.append(child)
                        } else {
                            offer(child, &next, &queue)
                        }
                    }
                }
            }
            if CountDown(at: base).arrive() {
                complete()
                return true
            }
            guard let further = skipped.popLast() else { return false }
            current = further
        }
    }

    /// The parent that keeps `node` from running.
    private func cause(of node: Int, _ plan: GraphPlanCore) -> Int? {
        plan.withNode(node) { description in
            for parent in description.parents where cells[parent].status != .succeeded { return parent }
            return nil
        }
    }

    /// The same for an ordered node: its turn may come after its parents have ended, from a run that does not look at
    /// them.
    private func lateCause(of node: Int) -> Int? {
        withPlan { plan in plan.withNode(node) { $0.ordered < 0 } ? nil : cause(of: node, plan) }
    }

    private func skip(_ node: Int, because parent: Int, _ seat: WorkerSeat?) {
        if cells[parent].status == .cancelled {
            cells[node].status = .cancelled
            seat?.recordCancelled()
        } else {
            cells[node].status = .skipped
            cells[node].cause = cells[parent].status == .skipped ? cells[parent].cause : Int32(parent)
            seat?.recordSkipped()
        }
    }

    private func leaveLine(_ place: Int, at ended: UInt64, _ next: inout Ready?, _ queue: inout [Ready]) {
        let cell = orderedCells + place
        guard let line = cell.pointee.line?.takeUnretainedValue() else { return }
        var isRemoved = false
        let successor = line.order.leave(cell, isRemoved: &isRemoved)
        if isRemoved { cell.pointee.run?.release() }
        if let successor = successor?.assumingMemoryBound(to: OrderedCell.self),
            let follower = successor.pointee.run?.takeUnretainedValue()
        {
            let node = successor.pointee.node
            if CountDown(at: follower.cells + node).arrive() {
                follower.cells[node].ready = ended
                follower.offer(node, &next, &queue)
            }
        }
        line.giveBackPlace()
        cell.pointee.line?.release()
        cell.pointee.line = nil
    }

    private func complete() {
        let completion = content.pointee.completion
        content.pointee.completion = nil
        completion?(GraphResult(run: self))
        withRuntime { $0.intake.leave(content.pointee.stripe) }
    }
}

/// Words: the run, and the node or -1 for its start. The run holds itself while records of it are queued.
let runGraphNode: TaskFunction = { record, verdict in
    guard let words = RecordWords.of(record), let pointer = UnsafeRawPointer(bitPattern: UInt(words[0])) else { return }
    let node = Int(Int64(bitPattern: words[1]))
    let run = Unmanaged<GraphRun>.fromOpaque(pointer)
    guard let seat = run._withUnsafeGuaranteedRef({ $0.withRuntime { WorkerSeat(of: $0.pool) } }) else {
        preconditionFailure("a graph node left the workers of its pool")
    }
    GraphRun.drive(run, node, seat, closed: verdict == Verdict.closed.rawValue)
}
