internal import CGyre

/// What a queued record calls, exactly once: the record, and a ``Verdict`` as its raw value.
package typealias TaskFunction = @convention(c) (OpaquePointer?, UInt32) -> Void

/// What a task's function is told.
package enum Verdict: UInt32, Sendable {
    case run = 0
    /// Its deadline passed before it could start.
    case late = 1
    /// It was cancelled while it was queued.
    case cancelled = 2
    /// The pool stops without running it.
    case closed = 3
}

/// Names one queued task of one pool. A ticket that outlived its task, or is given to another pool, is refused and
/// never touches another.
public struct TaskTicket: Sendable, Hashable {
    let pool: UInt64
    let handle: UInt32
    let generation: UInt64
}

/// What a submit needs to know beside the body.
package struct SubmitOptions: Sendable {
    package var lane: Lane = .normal
    /// Nanoseconds of the pool's clock; 0 for none.
    package var deadlineNanoseconds: UInt64 = 0
    /// A step of a longer task, which keeps its own stamps.
    package var isStep = false
    package var isCancellable = false
    /// Whether being refused for lack of room is counted: not for who tries again.
    package var countsRefusal = true
    /// The submit stamp of a task that keeps it as well, 0 for one that is not timed; `nil` when the submit takes it.
    package var submittedNanoseconds: UInt64?

    package init() {}
    package init(lane: Lane, deadlineNanoseconds: UInt64 = 0, isStep: Bool = false, isCancellable: Bool = false) {
        self.lane = lane
        self.deadlineNanoseconds = deadlineNanoseconds
        self.isStep = isStep
        self.isCancellable = isCancellable
    }
}

extension WorkerPool {
    /// Queues `function` with two words and nothing special, the cheapest task there is: no options are built, and no
    /// ticket. A call that throws has not called the function.
    ///
    /// - Complexity: O(1). No allocation. One system call, and only if a worker has to be woken.
    /// - Concurrency: As ``submitWords(_:_:_:_:)``.
    package func submitPlainWords(
        _ function: TaskFunction, _ word0: UInt64, _ word1: UInt64, lane: Lane
    ) throws(SubmitError) {
        _ = try submit(function, SubmitOptions(lane: lane)) { words in
            words[0] = word0
            words[1] = word1
        } undo: { _ in
        }
    }

    /// Queues what is in `body`, which moves into the record. A call that throws leaves it where it was, for another
    /// attempt; `nil` is a bug of the caller.
    ///
    /// - Parameter deadlineNanoseconds: Of the pool's clock; 0 for none.
    package func submit(
        moving body: inout (@Sendable () -> Void)?, lane: Lane, deadlineNanoseconds: UInt64 = 0, countsRefusal: Bool
    ) throws(SubmitError) {
        var options = SubmitOptions(lane: lane, deadlineNanoseconds: deadlineNanoseconds)
        options.countsRefusal = countsRefusal
        _ = try submit(closure: &body, options)
    }

    /// Queues `function` with two words. A call that throws has not called the function.
    ///
    /// - Complexity: O(1). No allocation. One system call, and only if a worker has to be woken.
    /// - Concurrency: Any thread. Lock-free; at the instant in which the pool closes it may wait for the last worker
    ///   to leave.
    @discardableResult
    package func submitWords(
        _ function: TaskFunction, _ word0: UInt64, _ word1: UInt64, _ options: SubmitOptions = SubmitOptions()
    ) throws(SubmitError) -> TaskTicket {
        try submit(function, options) { words in
            words[0] = word0
            words[1] = word1
        } undo: { _ in
        }
    }

    /// Queues `body`. A closure's context is not copied, nor retained when the caller has no other use for it.
    @discardableResult
    package func submit(
        body: consuming @escaping @Sendable () -> Void, _ options: SubmitOptions = SubmitOptions()
    ) throws(SubmitError) -> TaskTicket {
        var moving: (@Sendable () -> Void)? = consume body
        return try submit(closure: &moving, options)
    }

    @inline(__always)
    private func submit(
        closure body: inout (@Sendable () -> Void)?, _ options: SubmitOptions
    ) throws(SubmitError) -> TaskTicket {
        try submit(runClosure, options) { words in
            UnsafeMutableRawPointer(words).bindMemory(to: QueuedClosure.self, capacity: 1).initialize(
                to: QueuedClosure(call: body.take()!))
        } undo: { words in
            body = UnsafeMutableRawPointer(words).assumingMemoryBound(to: QueuedClosure.self).move().call
        }
    }

    /// The one way into the pool. `write` fills the two words of a record that is certain to be queued, unless the
    /// pool closes at this instant: then `undo` empties them before this throws.
    @inline(__always)
    private func submit(
        _ function: TaskFunction, _ options: SubmitOptions, write: (UnsafeMutablePointer<UInt64>) -> Void,
        undo: (UnsafeMutablePointer<UInt64>) -> Void
    ) throws(SubmitError) -> TaskTicket {
        if gyre_dispatch_is_closed(dispatch) { throw .closed }
        let seat = gyre_dispatch_seat(dispatch)
        let now = stampForSubmit(seat: seat, options: options)
        if options.deadlineNanoseconds != 0, now > options.deadlineNanoseconds {
            gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_LATE), 1)
            throw .late
        }
        guard let record = gyre_dispatch_take(dispatch, seat) else {
            if options.countsRefusal { gyre_dispatch_count(dispatch, seat, UInt32(GYRE_COUNT_REFUSED), 1) }
            throw .full
        }
        let generation = gyre_record_begin(record, options.isCancellable)
        gyre_record_write(record, function, now, now, options.deadlineNanoseconds, options.isStep)
        let words = gyre_record_words(record)!
        write(words)
        let ticket = TaskTicket(pool: id, handle: gyre_dispatch_handle(dispatch, record), generation: generation)
        guard gyre_dispatch_submit(dispatch, seat, record, options.lane.rawValue) == GYRE_RING_OK else {
            undo(words)
            _ = gyre_dispatch_give(dispatch, seat, record)
            throw .closed
        }
        return ticket
    }

    /// The submit stamp (the first instant of all counts as the one after it), or 0 for a task that is not timed. A
    /// deadline needs the time in any case.
    @inline(__always)
    private func stampForSubmit(seat: OpaquePointer?, options: SubmitOptions) -> UInt64 {
        if let taken = options.submittedNanoseconds, taken != 0 || options.deadlineNanoseconds == 0 { return taken }
        if timingStride == 1 || options.deadlineNanoseconds != 0 { return max(1, gyre_clock_now(clock.pointer)) }
        if timingStride == 0 || seat == nil { return 0 }
        return gyre_seat_sample(seat, timingStride) ? max(1, gyre_clock_now(clock.pointer)) : 0
    }

    /// Cancels a task that was submitted as cancellable: true when it was still queued and will not run.
    package func cancel(_ ticket: TaskTicket) -> Bool {
        guard ticket.pool == id else { return false }
        return gyre_record_cancel(gyre_dispatch_record(dispatch, ticket.handle), ticket.generation)
    }

    /// Whether the ticket's task has not ended yet.
    package func isLive(_ ticket: TaskTicket) -> Bool {
        guard ticket.pool == id else { return false }
        return gyre_record_is_current(gyre_dispatch_record(dispatch, ticket.handle), ticket.generation)
    }
}

/// A closure as a record keeps it. A struct, because a bare function type in generic memory would be wrapped in a
/// thunk with a context of its own.
private struct QueuedClosure: ~Copyable {
    let call: @Sendable () -> Void

    consuming func run() { call() }
}

/// Runs or drops the closure in a record; either way its context is released here.
private let runClosure: TaskFunction = { record, verdict in
    guard let words = gyre_record_words(record) else { return }
    let body = UnsafeMutableRawPointer(words).assumingMemoryBound(to: QueuedClosure.self).move()
    if verdict == Verdict.run.rawValue { body.run() }
}
