import GyreCore

/// A task with a handle, without its value's type: two words, a body, what became of it, and room for the value.
///
/// The words lie in the object's tail, where they have a fixed address for CGyre; the value follows them, so that it
/// needs no box of its own.
///
/// Safe to share, although ManagedBuffer cannot be declared so: the words are atomics. The content is written before
/// the task is queued, then by whoever claimed the right to settle, and read by whoever saw it settled. The value is
/// written by the body, before the task is settled as succeeded, and read by whoever saw that.
@usableFromInline
final class TaskCore: ManagedBuffer<TaskContent, SIMD2<UInt64>> {
    static func make(
        _ home: TaskHome, _ body: TaskBody, value: ValueLayout = .none, submitted: UInt64, deadline: MonotonicInstant?
    ) -> TaskCore {
        let buffer = TaskCore.create(minimumCapacity: (TaskWords.bytes + value.room + 15) / 16) { _ in
            TaskContent(home: home, body: body, value: value, submitted: submitted, deadline: deadline)
        }
        let task = unsafeDowncast(buffer, to: TaskCore.self)
        task.words.open()
        return task
    }

    /// Where the value is, once there is one.
    @usableFromInline
    var value: UnsafeMutableRawPointer {
        let tail = withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) } + TaskWords.bytes
        return tail.alignedUp(toMultipleOf: content.pointee.value.alignment)
    }

    @inline(__always)
    var words: TaskWords { withUnsafeMutablePointerToElements { TaskWords(at: UnsafeMutableRawPointer($0)) } }

    @inline(__always)
    private var content: UnsafeMutablePointer<TaskContent> { withUnsafeMutablePointerToHeader { $0 } }

    @inline(__always)
    var home: TaskHome { content.pointee.home }

    deinit {
        if content.pointee.hasValue { content.pointee.value.destroy(value) }
        content.pointee.home.runtime.release()
    }

    // MARK: - Running

    /// Queues the task, which is retained until ``execute(_:)`` was called. A call that throws has not called it.
    func submit(_ options: SubmitOptions) throws(SubmitError) {
        let retained = Unmanaged.passRetained(self)
        do {
            let word = UInt64(UInt(bitPattern: retained.toOpaque()))
            try home.tryWithRuntime { (runtime) throws(SubmitError) in
                try runtime.pool.submitWords(executeTask, word, 0, options)
            }
        } catch {
            retained.release()
            throw error
        }
    }

    /// Called once for the record of this task.
    fileprivate func execute(_ verdict: Verdict, _ record: OpaquePointer?) {
        if content.pointee.isAsync {
            guard let seat = home.withPool({ WorkerSeat(of: $0) }) else { return settleUnrun(.closed) }
            // The timer thread may not have come to a deadline yet.
            let isLate = content.pointee.deadline.map { home.now > $0 } ?? false
            guard verdict == .run, !isLate else { return settleUnrun(isLate ? .late : verdict) }
            home.withRuntime { $0.runners.run(self, seat: seat) }
        } else if case .run = verdict {
            // Cancelled before, or run by who waits for it, and counted there.
            if words.start() { runStarted() } else { RecordWords.markCounted(record) }
        } else if words.claim() {
            settle(.unrun(verdict))  // the worker counts it by its verdict
        } else {
            RecordWords.markCounted(record)
        }
    }

    /// Runs the body of a synchronous task, which the caller has started.
    private func runStarted() {
        let body: @Sendable (UnsafeMutableRawPointer) throws -> Void
        switch content.pointee.body {
        case .sync(let sync)?: body = sync
        case .blocking(let blocking)?: body = blocking
        case .async?, .valued?, nil: preconditionFailure("a task that starts has its body")
        }
        let outer = AgentTask.begin(self)
        defer { AgentTask.end(outer) }
        do {
            try body(value)
            content.pointee.hasValue = true
            if words.claim() { settle(.succeeded) }
        } catch {
            home.withPool { $0.recordFailure() }
            if words.claim() { settle(.failed(error)) }
        }
    }

    /// Runs a blocking body. On a thread of its lane.
    func runBlocking() {
        if let deadline = content.pointee.deadline, home.now > deadline { return settleUnrun(.late) }
        guard words.start() else { return }  // cancelled first
        let submitted = content.pointee.submitted
        let started = submitted == 0 ? 0 : home.now.nanoseconds
        runStarted()
        // A failure is counted already.
        home.withPool { $0.recordAsyncDone(failed: false, submitted: submitted, started: started) }
    }

    /// The async body, which `runner` calls from here on, with ``value`` if it has one. `nil` when the task was
    /// cancelled first.
    func begin(on runner: AsyncRunner) -> TaskBody? {
        content.pointee.runner = runner
        guard words.start(), let body = content.pointee.body else { return nil }
        content.pointee.body = nil  // while it runs it is the runner's: a deadline may settle the task meanwhile
        content.pointee.started = content.pointee.submitted == 0 ? 0 : home.now.nanoseconds
        return body
    }

    /// The async body has returned, or thrown `error`.
    func bodyEnded(_ error: (any Error)?) {
        let ending: TaskEnding
        switch error {
        case nil:
            content.pointee.hasValue = true  // that of a body without one takes no memory
            ending = .succeeded
        case is CancellationError where words.isCancelling || home.isStopping:
            ending = .cancelled(home.isStopping ? .shutdown : .user)
        case let error?: ending = .failed(error)
        }
        let (submitted, started) = (content.pointee.submitted, content.pointee.started)
        home.withPool { $0.recordAsyncDone(failed: ending.isFailure, submitted: submitted, started: started) }
        if words.claim() { settle(ending) }  // else its deadline was faster
    }

    // MARK: - Ending

    /// Only after ``TaskWords/isSettled``.
    @usableFromInline
    var ending: TaskEnding {
        guard let ending = content.pointee.ending else { preconditionFailure("the task is not settled") }
        return ending
    }

    @usableFromInline
    var isSettled: Bool { words.isSettled }

    /// Writes what became of the task and publishes it. The caller has claimed the right to.
    private func settle(_ ending: TaskEnding, whileRunning: Bool = false) {
        // Of a running task the body is the runner's.
        if !whileRunning { content.pointee.body = nil }
        content.pointee.ending = ending
        stopTimer()
        words.publish(ending.state)
        home.withPool { $0.taskSettled() }
        home.leave()
    }

    /// Settles an async or blocking task that does not run. A cancel or the deadline's timer may have been faster.
    func settleUnrun(_ verdict: Verdict) {
        guard words.claim() else { return }
        home.withPool { $0.recordUnrun(isLate: verdict == .late) }
        settle(.unrun(verdict))
    }

    /// Asks the task to stop. True when this call settled it or asked it.
    @usableFromInline
    func cancel() -> Bool {
        switch words.requestCancel() {
        case .claimed:
            home.withPool { $0.recordUnrun(isLate: false) }
            settle(.cancelled(.user))
            return true
        case .requested:
            // Written before the task was running, which the request has seen.
            content.pointee.runner?.cancel(self)
            return true
        case .lost: return false
        }
    }

    // MARK: - Deadline

    /// Sets the timer of an async task's deadline, before it is queued.
    func startTimer(_ deadline: MonotonicInstant) throws(SubmitError) {
        let retained = Unmanaged.passRetained(self)
        do {
            let word = UInt64(UInt(bitPattern: retained.toOpaque()))
            try home.tryWithRuntime { (runtime) throws(SubmitError) in
                try runtime.timers.insert(due: deadline, expireTask, word, 0, token: &content.pointee.timer)
            }
        } catch {
            retained.release()
            throw error
        }
    }

    /// Takes the timer back, if there is one and it has not fired.
    private func stopTimer() {
        let timer = content.pointee.timer
        guard timer != .none else { return }
        if home.withRuntime({ $0.timers.cancel(timer) }) { Unmanaged.passUnretained(self).release() }
    }

    /// Ends a task that could not be queued. False when its deadline has done so already, and was counted.
    func abandon() -> Bool {
        guard words.claim() else { return false }
        stopTimer()
        home.leave()
        return true
    }

    /// The deadline has come: the task is settled at once, and a running body is cancelled, without waiting for it.
    fileprivate func expire() {
        guard !home.withRuntime({ $0.timers.isClosed }) else { return }
        // The request says whether the body runs, and with that whether its runner may be looked at.
        let request = words.requestCancel()
        let runner = request == .requested ? content.pointee.runner : nil
        guard request == .claimed || words.claim() else { return }
        if request == .claimed { home.withPool { $0.recordUnrun(isLate: true) } }
        settle(.timedOut, whileRunning: request != .claimed)
        runner?.cancel(self)
    }

    // MARK: - As part of a graph

    /// Runs an async body from the calling worker on, without a record.
    func start(on seat: WorkerSeat) { home.withRuntime { $0.runners.run(self, seat: seat) } }

    /// Calls `resume` once, on whichever thread settles the task.
    func whenSettled(_ resume: @escaping @Sendable () -> Void) { words.whenSettled(resume) }

    // MARK: - Waiting

    @usableFromInline
    func waitUntilSettled() async {
        if words.isSettled { return }
        await untilWoken { (continuation: UnsafeContinuation<Void, Never>) in
            words.whenSettled { continuation.wake() }
        }
    }

    /// A worker that waits for a task that nobody has started runs it on the spot: the wait then needs no other
    /// thread, however deep tasks wait for tasks. (A task with a deadline is left to its record, which knows it.)
    @usableFromInline
    func blockUntilSettled() {
        if content.pointee.runsWhereAwaited, let seat = home.withPool({ WorkerSeat(of: $0) }), words.start() {
            let submitted = content.pointee.submitted
            let started = submitted == 0 ? 0 : seat.stamp()
            runStarted()
            guard submitted != 0 else { return seat.recordDone(failed: false) }  // a failure is counted already
            return seat.recordDone(
                failed: false, submitted: submitted, ready: submitted, started: started, ended: seat.stamp())
        }
        home.withPool { $0.waitHelping { self.words.isSettled } }
    }
}

/// What a task is made of.
@usableFromInline
struct TaskContent {
    let home: TaskHome
    let isAsync: Bool
    let isBlocking: Bool
    /// Whether the value is written: it is the task's to destroy, whatever became of the task.
    var hasValue = false
    let value: ValueLayout
    /// When the task is given up; the record of a synchronous task knows it too.
    let deadline: MonotonicInstant?
    /// Until it was run, or the task was settled without running.
    var body: TaskBody?
    var ending: TaskEnding?
    /// Runs the async body, while it runs.
    var runner: AsyncRunner?
    /// The timer of its deadline, which holds the task too.
    var timer = TimerToken.none
    /// Stamp of the submit; 0 when this task is not timed.
    let submitted: UInt64
    /// Stamp of the start of an async body.
    var started: UInt64 = 0

    /// Whether who waits for it may run it: a deadline is left to the record, which is told of it.
    var runsWhereAwaited: Bool { !isAsync && !isBlocking && deadline == nil }

    init(home: TaskHome, body: TaskBody, value: ValueLayout, submitted: UInt64, deadline: MonotonicInstant?) {
        self.home = home
        self.value = value
        switch body {
        case .sync: (isAsync, isBlocking) = (false, false)
        case .blocking: (isAsync, isBlocking) = (false, true)
        case .async, .valued: (isAsync, isBlocking) = (true, false)
        }
        self.deadline = deadline
        self.body = body
        self.submitted = submitted
    }
}

/// An outcome without its value.
@usableFromInline
enum TaskEnding {
    case succeeded
    case failed(any Error)
    case timedOut
    case cancelled(CancelReason)

    /// Of a task that did not run.
    static func unrun(_ verdict: Verdict) -> TaskEnding {
        verdict == .late ? .timedOut : .cancelled(verdict == .closed ? .shutdown : .user)
    }

    var state: TerminalState {
        switch self {
        case .succeeded: return .succeeded
        case .failed: return .failed
        case .timedOut: return .timedOut
        case .cancelled: return .cancelled
        }
    }

    var isFailure: Bool {
        if case .failed = self { return true }
        return false
    }
}

/// Where a task with a handle belongs, and by which stripe of the intake it came, if it holds a drain up by itself (a
/// synchronous task does so by its record).
struct TaskHome {
    /// Held by the task from its making to its end, and not counted in between: all threads would count on one line.
    let runtime: Unmanaged<Runtime>
    let stripe: UInt32?

    @inline(__always)
    func withRuntime<Value>(_ use: (Runtime) -> Value) -> Value { runtime._withUnsafeGuaranteedRef(use) }

    @inline(__always)
    func withPool<Value>(_ use: (WorkerPool) -> Value) -> Value { withRuntime { use($0.pool) } }

    /// The same for what may be refused.
    @inline(__always)
    func tryWithRuntime(_ use: (Runtime) throws(SubmitError) -> Void) throws(SubmitError) {
        let refusal: SubmitError? = withRuntime { runtime in
            do throws(SubmitError) {
                try use(runtime)
                return nil
            } catch {
                return error
            }
        }
        if let refusal { throw refusal }
    }

    var now: MonotonicInstant { withPool { $0.clock.now } }

    /// Whether a drain has passed its soft limit: running work is asked to stop.
    var isStopping: Bool { withPool { $0.isStopping } }

    /// The task has ended: a drain waits for it no longer.
    func leave() {
        if let stripe { withRuntime { $0.intake.leave(stripe) } }
    }
}

/// The first word is a retained task.
private let executeTask: TaskFunction = { record, verdict in
    guard let words = RecordWords.of(record), let pointer = UnsafeRawPointer(bitPattern: UInt(words[0])) else { return }
    Unmanaged<TaskCore>.fromOpaque(pointer).takeRetainedValue().execute(Verdict(rawValue: verdict) ?? .closed, record)
}

/// The word is a retained task.
private let expireTask: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<TaskCore>.fromOpaque(pointer).takeRetainedValue().expire()
}
