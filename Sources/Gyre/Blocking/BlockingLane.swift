public import GyreCore

/// Threads for bodies that block: file systems, databases, libraries that wait. On a worker such a body would hold up
/// whatever is queued behind it; here it holds up itself.
///
/// Threads start as they are needed, up to a bound, and are kept until the runtime is drained. What finds all of them
/// busy waits in a bounded queue, first in, first out. Not the path of a task through the pool: a lock is taken for
/// each body, and the first ones start a thread each.
final class BlockingLane: Sendable {
    private struct State {
        var queue: [QueuedTask] = []
        /// Where the queue begins: what is before has gone.
        var head = 0
        var running: [ObjectIdentifier: QueuedTask] = [:]
        var threads = 0
        var refused: UInt64 = 0
        var isClosed = false

        var waiting: Int { queue.count - head }

        mutating func next() -> QueuedTask? {
            guard head < queue.count else { return nil }
            defer {
                head += 1
                if head * 2 > queue.count {
                    queue.removeFirst(head)
                    head = 0
                }
            }
            return queue[head]
        }
    }

    /// `@unchecked Sendable`: see ``TaskCore``.
    private struct QueuedTask: @unchecked Sendable { let task: TaskCore }

    let limits: BlockingLimits
    private let name: String
    private let clock: MonotonicClock
    private let state = Lock(State())
    /// Notified when a body was queued, and when the lane was closed.
    private let work = EventCount()
    /// Notified when a thread has ended.
    private let ended = EventCount()

    init(_ limits: BlockingLimits, clock: MonotonicClock, name: String) {
        self.limits = limits
        self.clock = clock
        self.name = name
    }

    /// Queues a task, which is run or settled as not run.
    func submit(_ task: TaskCore) throws(SubmitError) {
        let refusal: SubmitError? = state.withLock { state in
            if state.isClosed { return .closed }
            if state.waiting >= limits.queueMax {
                state.refused += 1
                return .full
            }
            // As many threads as bodies, until there are as many as there may be.
            let isShort = state.threads < state.running.count + state.waiting + 1
            if isShort, state.threads < limits.threadsMax {
                do {
                    let thread = try PosixThread(name: "\(name)-block") { self.serve() }
                    thread.detach()
                    state.threads += 1
                } catch {
                    // Those that run already get to it; without one nobody would.
                    if state.threads == 0 {
                        state.refused += 1
                        return .full
                    }
                }
            }
            state.queue.append(QueuedTask(task: task))
            return nil
        }
        if let refusal { throw refusal }
        work.notifyOne()
    }

    private func serve() {
        while let next = take() {
            next.task.runBlocking()
            state.withLock { $0.running[ObjectIdentifier(next.task)] = nil }
        }
        state.withLock { $0.threads -= 1 }
        ended.notifyAll()
    }

    /// Waits for a task; `nil` once the lane is closed and its queue empty.
    private func take() -> QueuedTask? {
        var taken: QueuedTask?
        work.wait(until: nil, clock: clock) {
            let (next, isClosed): (QueuedTask?, Bool) = state.withLock { state in
                let next = state.next()
                if let next { state.running[ObjectIdentifier(next.task)] = next }
                return (next, state.isClosed)
            }
            taken = next
            return next != nil || isClosed
        }
        return taken
    }

    /// Asks every body that runs to stop.
    func cancelRunning() {
        for running in state.withLock({ Array($0.running.values) }) { _ = running.task.cancel() }
    }

    /// Takes nothing more on, settles what is queued as not run, and waits for the threads.
    ///
    /// - Returns: How many bodies did not return by `deadline`. Their threads go on until they do.
    func close(until deadline: MonotonicInstant) -> Int {
        let queued: [QueuedTask] = state.withLock { state in
            state.isClosed = true
            defer {
                state.queue = []
                state.head = 0
            }
            return Array(state.queue[state.head...])
        }
        for waiting in queued { waiting.task.settleUnrun(.closed) }
        work.notifyAll()
        ended.wait(until: deadline, clock: clock) { state.withLock { $0.threads == 0 } }
        return state.withLock { $0.running.count }
    }

    func snapshot() -> BlockingSnapshot {
        state.withLock { state in
            BlockingSnapshot(
                threads: state.threads, running: state.running.count, waiting: state.waiting, refused: state.refused)
        }
    }
}

/// How many bodies may block at once, and how many more may wait for that.
public struct BlockingLimits: Sendable, Equatable {
    public let threadsMax: Int
    public let queueMax: Int

    /// - Parameters:
    ///   - threadsMax: 1 to 4,096; 64 by default. A thread that waits costs its stack (8 MB of address space, of which
    ///     some 20 KB are touched).
    ///   - queueMax: 1 to 2^20; 1,024 by default.
    /// - Throws: ``GyreCore/ConfigurationError`` naming the field that is out of range.
    public init(threadsMax: Int = 64, queueMax: Int = 1_024) throws(ConfigurationError) {
        guard (1...4_096).contains(threadsMax) else {
            throw ConfigurationError(field: "threadsMax", reason: "\(threadsMax) is outside 1...4096")
        }
        guard (1...(1 << 20)).contains(queueMax) else {
            throw ConfigurationError(field: "queueMax", reason: "\(queueMax) is outside 1...\(1 << 20)")
        }
        self.threadsMax = threadsMax
        self.queueMax = queueMax
    }

    private init(unchecked threadsMax: Int, _ queueMax: Int) {
        self.threadsMax = threadsMax
        self.queueMax = queueMax
    }

    /// What a runtime has that is told nothing else.
    public static let standard = BlockingLimits(unchecked: 64, 1_024)
}
