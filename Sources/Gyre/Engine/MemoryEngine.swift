public import GyreCore
public import GyrePolicy

/// An engine in the memory of the process: its jobs end with it.
///
/// Every runtime has one, on which the handler nodes of its graphs run (``Runtime/engine``). A further one is made on
/// the clock and timers of a runtime.
///
/// - Concurrency: Safe from any thread. A short lock for each call.
/// - Its runtime's drain ends it: who waits for an outcome then is thrown `closed`. What has ended can still be read.
public final class MemoryEngine: Engine, DescribedPart {
    private let clock: MonotonicClock
    private let timers: TimerService
    private let settings: [SettingDescription]
    private let book: Lock<EngineBook>

    /// - Parameters:
    ///   - runtime: Whose clock and timers it uses.
    ///   - jobsMax: How many jobs may live at once, and how many that have ended are remembered: 2^20 by default.
    ///   - lettersMax: How many dead letters are kept, 1,024 by default. The oldest goes when one is too many; a job
    ///     that was parked with it has failed then.
    ///   - retention: How long what has ended is remembered: as long as its key is known. 24 h, as Restate and Stripe
    ///     do.
    public convenience init(
        on runtime: Runtime, jobsMax: Int? = nil, lettersMax: Int? = nil, retention: Duration? = nil
    ) {
        self.init(
            clock: runtime.clock, timers: runtime.timers, jobsMax: jobsMax, lettersMax: lettersMax,
            retention: retention)
        runtime.addPausable(self)
    }

    init(
        clock: MonotonicClock, timers: TimerService, jobsMax: Int? = nil, lettersMax: Int? = nil,
        retention: Duration? = nil
    ) {
        self.clock = clock
        self.timers = timers
        let (jobsMax, lettersMax) = (Setting(jobsMax, default: 1 << 20), Setting(lettersMax, default: 1_024))
        let retention = Setting(retention, default: .seconds(86_400))
        settings = [
            jobsMax.described(as: "jobsMax"), lettersMax.described(as: "lettersMax"),
            retention.described(as: "retention"),
        ]
        book = Lock(EngineBook(jobsMax: jobsMax.value, lettersMax: lettersMax.value, retention: retention.value))
    }

    // MARK: - The port

    @discardableResult
    public func submit(_ job: EngineJob) async throws(EngineError) -> EngineReceipt {
        try change { (book, now) throws(EngineError) in try book.submit(job, isClaimed: false, at: now) }
    }

    public func take(
        _ handlers: [String], by worker: String, lease: Duration
    ) async throws(EngineError) -> EngineTurn {
        change { book, now in book.take(Set(handlers), by: worker, lease: lease, at: now) }
    }

    public func heartbeat(_ lease: JobLease, _ progress: JobProgress?) async throws(EngineError) {
        try change { (book, now) throws(EngineError) in try book.heartbeat(lease, progress, at: now) }
    }

    public func complete(_ lease: JobLease, _ ending: AttemptEnding) async throws(EngineError) {
        try change { (book, now) throws(EngineError) in try book.complete(lease, ending, at: now) }
    }

    public func waitForWork(until limit: MonotonicInstant) async {
        let number = change { book, _ in book.nextNumber() }
        await sleep(until: limit) { nap in
            change { book, now in book.addIdle(nap, number, at: now) }
        }
        change { book, _ in book.removeIdle(number) }
    }

    public func outcome(of key: JobKey) async throws(EngineError) -> JobOutcome {
        let number = change { book, _ in book.nextNumber() }
        guard try await state(of: key) != nil else { throw EngineError(code: .unknown, reason: "no job \(key)") }
        let outcome: JobOutcome? = await withTaskCancellationHandler {
            await untilWoken { continuation in
                let known = change { book, _ in book.wait(for: key, number, continuation) }
                if let known { return continuation.wake(returning: known) }
                if Task.isCancelled { stopWaiting(for: key, number) }
            }
        } onCancel: {
            stopWaiting(for: key, number)
        }
        if let outcome { return outcome }
        if Task.isCancelled { throw EngineError(code: .cancelled, reason: "the wait for \(key) was cancelled") }
        if change({ book, _ in book.isClosed }) {
            throw EngineError(code: .closed, reason: "the runtime ended before \(key) did")
        }
        throw EngineError(code: .unknown, reason: "\(key) was given up")
    }

    private func stopWaiting(for key: JobKey, _ number: UInt64) {
        change { book, _ in book.stopWaiting(for: key, number) }?.wake(returning: nil)
    }

    public func state(of key: JobKey) async throws(EngineError) -> JobState? {
        change { book, now in
            book.advance(to: now)
            return book.entries[key].map(JobState.init)
        }
    }

    // MARK: - By hand

    /// Lets nothing of `scope` be taken until `instant` or until it is resumed. What runs goes on.
    ///
    /// Of this engine alone; ``Runtime/pause(_:until:)`` says it to all that stands on a runtime.
    public func pause(_ scope: PauseScope, until instant: MonotonicInstant = .distantFuture) {
        change { book, _ in book.pause(scope, until: instant) }
    }

    /// - Returns: Whether it was paused.
    @discardableResult
    public func resume(_ scope: PauseScope) -> Bool { change { book, _ in book.resume(scope) } }

    /// Jobs that ended without success, the oldest first.
    public var deadLetters: [DeadLetter] { change { book, _ in book.letters.all } }

    /// Letters that had to go because others came.
    public var deadLettersDropped: UInt64 { change { book, _ in book.letters.dropped } }

    /// Runs jobs of dead letters again, each under its own key and with all of its attempts. Their letters go.
    ///
    /// - Returns: The keys of the jobs that are ready again. One that somebody handed in meanwhile is not among them.
    @discardableResult
    public func redrive(where isWanted: (DeadLetter) -> Bool) -> [JobKey] {
        change { book, now in book.redrive(where: isWanted, at: now) }
    }

    /// Jobs that have not ended.
    public var live: Int { change { book, _ in book.live } }

    var partDescription: PartDescription { PartDescription("engine", settings) }

    func setPause(_ scope: PauseScope, until instant: MonotonicInstant?) -> Dependency? {
        if let instant { pause(scope, until: instant) } else { resume(scope) }
        return nil
    }

    /// The runtime has ended.
    func runtimeEnded() {
        change { book, _ in book.close() }
    }

    // MARK: - For a caller that runs its own job

    /// Hands in a job that nobody else is to take.
    func submitClaimed(_ job: EngineJob) throws(EngineError) -> EngineReceipt {
        try change { (book, now) throws(EngineError) in try book.submit(job, isClaimed: true, at: now) }
    }

    /// Progress of a job whose lease the caller has.
    func note(_ progress: JobProgress, _ lease: JobLease) {
        change { book, _ in book.note(progress, lease) }
    }

    /// Takes one job for whoever waits for it. `nil` when it has ended.
    func claim(_ key: JobKey, by worker: String, lease: Duration) -> EngineTurn? {
        change { book, now in book.claim(key, by: worker, lease: lease, at: now) }
    }

    /// Gives up a job that the caller has not brought to an end, or forgets one that nobody can name again.
    func leaveClaimed(_ key: JobKey, forget: Bool) {
        change { book, _ in book.leaveClaimed(key, forget: forget) }
    }

    func nextNumber() -> UInt64 { change { book, _ in book.nextNumber() } }

    func waitForTurn(of key: JobKey, until limit: MonotonicInstant) async {
        await sleep(until: limit) { nap in
            change { book, now in book.addNap(nap, for: key, at: now) }
        }
    }

    // MARK: -

    /// Sleeps, unless `keep` says that there is no need to. Whoever has the nap ends it by waking it.
    private func sleep(until limit: MonotonicInstant, _ keep: (TimedWait<Void>) -> Bool) async {
        let nap = TimedWait<Void>(timers: timers)
        guard keep(nap) else { return }
        // Woken, due, cancelled, or without a timer to sleep on: in each case the sleeper looks again.
        _ = await nap.wait(until: limit)
    }

    /// Changes the book, and wakes whom that concerns when it is closed.
    private func change<Value, Failure>(
        _ body: (inout EngineBook, MonotonicInstant) throws(Failure) -> sending Value
    ) throws(Failure) -> Value {
        let now = clock.now
        let result: Result<Value, Failure>
        let wake: EngineBook.Wake
        (result, wake) = book.withLock { book in
            let result: Result<Value, Failure>
            do throws(Failure) { result = .success(try body(&book, now)) } catch { result = .failure(error) }
            defer { book.wake = EngineBook.Wake() }
            return (result, book.wake)
        }
        for (waiter, outcome) in wake.outcomes { waiter.wake(returning: outcome) }
        for nap in wake.naps { _ = nap.wake(()) }
        return try result.get()
    }
}

extension JobState {
    init(_ entry: EngineBook.Entry) {
        let phase: Phase
        switch entry.phase {
        case .ready: phase = .ready
        case .waiting: phase = .waiting
        case .running(_, let worker, _): phase = .running(worker: worker)
        case .parked: phase = .parked
        case .ended(let outcome): phase = .ended(outcome)
        }
        self.init(phase: phase, attempts: entry.attempts, progress: entry.progress)
    }
}
