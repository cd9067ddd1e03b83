import GyreCore

extension Runtime {
    /// Queues a C function with one word, the cheapest task there is.
    ///
    /// The function starts once on one worker, or this call throws. What it computes, it stores itself.
    ///
    /// - Parameters:
    ///   - function: What to run. Must not block for long, and must not throw or unwind.
    ///   - word: Its argument: a number, or a pointer whose target lives until the function has run.
    ///   - lane: How urgent it is.
    /// - Throws: ``SubmitError/full`` if no record is free, ``SubmitError/closed`` after ``drain(soft:hard:)`` began.
    /// - Complexity: O(1). No allocation. One system call, and only if a worker has to be woken.
    /// - Concurrency: Safe from any thread, including a worker. Lock-free.
    public func fire(
        _ function: @convention(c) (UInt64) -> Void, _ word: UInt64, lane: Lane = .normal
    ) throws(SubmitError) {
        try checkIntake()
        let address = UInt64(UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self)))
        try pool.submitPlainWords(runFunction, address, word, lane: lane)
    }

    /// Queues a C function with one word, and returns a ticket by which it can be taken back while it is queued.
    ///
    /// - Throws: As ``fire(_:_:lane:)``.
    public func fireCancellable(
        _ function: @convention(c) (UInt64) -> Void, _ word: UInt64, lane: Lane = .normal
    ) throws(SubmitError) -> TaskTicket {
        try checkIntake()
        let address = UInt64(UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self)))
        return try pool.submitWords(runFunction, address, word, SubmitOptions(lane: lane, isCancellable: true))
    }

    /// Takes back a task that is still queued.
    ///
    /// - Returns: True when the task will not run. False when it has started or ended; a ticket that outlived its
    ///   task is told apart from the task that has its record now.
    public func cancel(_ ticket: TaskTicket) -> Bool { pool.cancel(ticket) }

    /// Queues a closure.
    ///
    /// - Parameters:
    ///   - lane: How urgent it is.
    ///   - deadline: The latest instant at which it may start; later it is dropped and counted as late.
    ///   - whenFull: What happens when no record is free.
    ///   - body: What to run, once, on one worker. It should not block; a body that has to wait for another task uses
    ///     ``TaskHandle/wait()``, which runs other tasks meanwhile.
    /// - Throws: ``SubmitError/full``, ``SubmitError/closed`` after ``drain(soft:hard:)`` began, ``SubmitError/late``
    ///   if `deadline` has passed. A call that throws leaves nothing behind.
    /// - Complexity: O(1). No allocation beyond the closure's own context.
    /// - Concurrency: Safe from any thread, including a worker. Lock-free with ``WhenFull/fail``.
    public func post(
        lane: Lane = .normal, deadline: MonotonicInstant? = nil, whenFull: WhenFull = .fail,
        _ body: consuming @escaping @Sendable () -> Void
    ) throws(SubmitError) {
        try checkIntake()
        var moving: (@Sendable () -> Void)? = consume body
        let latest = deadline?.recordNanoseconds ?? 0
        do {
            try pool.submit(
                moving: &moving, lane: lane, deadlineNanoseconds: latest, countsRefusal: whenFull == .fail)
        } catch .full where whenFull == .wait {
            try waitForRoom { () throws(SubmitError) in
                try self.pool.submit(moving: &moving, lane: lane, deadlineNanoseconds: latest, countsRefusal: false)
            }
        }
    }

    /// Queues a closure whose value is wanted.
    ///
    /// - Returns: A handle that settles exactly once. An error that `body` throws reaches it.
    /// - Throws: As ``post(lane:deadline:whenFull:_:)``.
    /// - Complexity: O(1). Three allocations as `make gates` counts them: the task, in which the value has its place,
    ///   and two closures.
    @inlinable
    public func post<Value: Sendable>(
        lane: Lane = .normal, deadline: MonotonicInstant? = nil, whenFull: WhenFull = .fail,
        _ body: @escaping @Sendable () throws -> Value
    ) throws(SubmitError) -> TaskHandle<Value> {
        let task = try submit(
            .sync { $0.initializeMemory(as: Value.self, to: try body()) }, .of(Value.self), lane, deadline, whenFull)
        return TaskHandle(task: task)
    }

    /// Queues an async closure whose value is wanted.
    ///
    /// The body runs on the workers, on a Swift task that is reused: task-locals of the caller are not inherited.
    /// Where they are wanted, use ``run(_:)``.
    ///
    /// - Parameters:
    ///   - lane: How urgent its start is. What it does after that, each suspension included, is in the normal lane.
    ///   - deadline: When the task is given up, whether it has started or not. A running body is cancelled then; the
    ///     handle does not wait for it to notice. Its cancellation handlers run on the thread of the timers and must
    ///     not block.
    /// - Returns: A handle that settles exactly once. Cancelling it cancels the body.
    /// - Throws: As ``post(lane:deadline:whenFull:_:)``.
    /// - Complexity: O(1). Three allocations, as of a synchronous body; more when more bodies are suspended at once
    ///   than ever before.
    @inlinable
    public func post<Value: Sendable>(
        lane: Lane = .normal, deadline: MonotonicInstant? = nil, whenFull: WhenFull = .fail,
        _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) throws(SubmitError) -> TaskHandle<Value> {
        let task = try submit(
            .valued { $0.initializeMemory(as: Value.self, to: try await body()) }, .of(Value.self), lane, deadline,
            whenFull)
        return TaskHandle(task: task)
    }

    @usableFromInline
    func submit(
        _ body: TaskBody, _ value: ValueLayout, _ lane: Lane, _ deadline: MonotonicInstant?, _ whenFull: WhenFull
    ) throws(SubmitError) -> TaskCore {
        var stripe: UInt32?
        var options = SubmitOptions(lane: lane)
        let submitted = pool.stampForSubmit()
        options.submittedNanoseconds = submitted
        options.countsRefusal = whenFull == .fail
        switch body {
        case .sync:
            try checkIntake()
            options.deadlineNanoseconds = deadline?.recordNanoseconds ?? 0
        case .blocking: preconditionFailure("a blocking body is no matter of the workers")
        case .async, .valued:
            stripe = intake.enter()
            if stripe == nil { throw .closed }
            options.isStep = true
        }
        let home = TaskHome(runtime: .passRetained(self), stripe: stripe)
        let task = TaskCore.make(home, body, value: value, submitted: submitted, deadline: deadline)
        do throws(SubmitError) {
            if let deadline, options.isStep {
                if clock.now > deadline {
                    pool.recordUnrun(isLate: true)  // as the pool counts a synchronous one
                    throw .late
                }
                try task.startTimer(deadline)
            }
            try queue(task, options, whenFull)
        } catch {
            // A deadline that came meanwhile is what became of it: counted once, as late.
            throw task.abandon() ? error : .late
        }
        return task
    }

    private func queue(_ task: TaskCore, _ options: SubmitOptions, _ whenFull: WhenFull) throws(SubmitError) {
        do {
            try task.submit(options)
        } catch .full where whenFull == .wait {
            try waitForRoom { () throws(SubmitError) in try task.submit(options) }
        }
    }

    /// Runs `attempt` until it is not refused for lack of room. A worker runs other tasks between two attempts.
    func waitForRoom(_ attempt: () throws(SubmitError) -> Void) throws(SubmitError) {
        while true {
            pool.waitForRoomHelping()
            try checkIntake()
            do {
                return try attempt()
            } catch .full {
                continue
            }
        }
    }

    @inline(__always)
    func checkIntake() throws(SubmitError) {
        if intake.isClosed { throw .closed }
    }
}

/// What a submit does when no record is free.
public enum WhenFull: Sendable {
    /// It throws ``SubmitError/full``.
    case fail
    /// It waits until a quarter of the records is free. On a worker it runs other tasks meanwhile. A body keeps its
    /// record while it waits: when bodies that wait for room hold every record there is, none of them can go on.
    case wait
}

/// Calls the C function whose address is the first word with the second.
private let runFunction: TaskFunction = { record, verdict in
    guard verdict == Verdict.run.rawValue, let words = RecordWords.of(record) else { return }
    guard let address = UnsafeRawPointer(bitPattern: UInt(words[0])) else { return }
    unsafeBitCast(address, to: (@convention(c) (UInt64) -> Void).self)(words[1])
}

extension MonotonicInstant {
    /// As a record keeps a deadline, where 0 means none: the first instant is taken for the one after it.
    fileprivate var recordNanoseconds: UInt64 { max(1, nanoseconds) }
}
