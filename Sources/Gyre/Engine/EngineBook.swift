import GyreCore
import GyrePolicy

/// The jobs of a ``MemoryEngine`` as a value: it takes the time, says what became of a call and what is to be woken,
/// and touches nothing else.
struct EngineBook {
    /// Who waits for something, to be woken when the book is not in use.
    struct Wake {
        var outcomes: [(UnsafeContinuation<JobOutcome?, Never>, JobOutcome?)] = []
        var naps: [TimedWait<Void>] = []
    }

    /// A job with what became of it until now.
    struct Entry {
        var job: EngineJob
        /// By which it comes before others of its flow. Kept when it comes back.
        let arrival: UInt64
        var phase: Phase
        /// Tells what waits in a heap for this phase of it from what waited for another.
        var turn: UInt64 = 0
        var attempts = 0
        var records: [AttemptRecord] = []
        var progress: JobProgress?
        var waiters: [UInt64: UnsafeContinuation<JobOutcome?, Never>] = [:]
        /// Whether the caller that handed it in runs it himself: nobody else is offered it.
        let isClaimed: Bool
        /// This caller, asleep.
        var nap: TimedWait<Void>?
    }

    enum Phase {
        case ready
        case waiting
        case running(lease: JobLease, worker: String, started: MonotonicInstant)
        case parked
        case ended(JobOutcome)
    }

    private struct Flow: Hashable {
        let lane: Lane
        let handler: String
        let tenant: String
    }

    /// A job in a heap: by its arrival among those of its flow, by its instant among those that wait.
    private struct Place: Comparable {
        let order: UInt64
        let turn: UInt64
        let key: JobKey
        static func < (left: Place, right: Place) -> Bool { (left.order, left.turn) < (right.order, right.turn) }
        static func == (left: Place, right: Place) -> Bool { (left.order, left.turn) == (right.order, right.turn) }
    }

    let jobsMax: Int
    let retention: Duration
    private(set) var entries: [JobKey: Entry] = [:]
    private var flows: [Flow: BinaryHeap<Place>] = [:]
    private var timed = BinaryHeap<Place>()
    private(set) var live = 0
    private var lastNumber: UInt64 = 0
    /// Jobs that have ended, the oldest first, and from where on they are kept.
    private var ended: [(key: JobKey, turn: UInt64)] = []
    private var endedGone = 0
    private(set) var letters: DeadLetterBox<DeadLetter>
    private(set) var pauses = Pauses()
    /// Workers that look again when something can be taken.
    private var idle: [UInt64: TimedWait<Void>] = [:]
    var wake = Wake()
    /// Whether its runtime has ended: what has not ended by now will not.
    private(set) var isClosed = false

    init(jobsMax: Int, lettersMax: Int, retention: Duration) {
        self.jobsMax = max(1, jobsMax)
        self.retention = retention
        letters = DeadLetterBox(capacity: lettersMax)
    }

    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    // MARK: - In

    mutating func submit(
        _ job: EngineJob, isClaimed: Bool, at now: MonotonicInstant
    ) throws(EngineError) -> EngineReceipt {
        advance(to: now)
        if let entry = entries[job.key] {
            switch entry.phase {
            case .ended(.failed): break  // a new life
            case .ended(.succeeded(let output)):
                try check(job, against: entry)
                return .done(output)
            default:
                try check(job, against: entry)
                return .attached
            }
        }
        guard live < jobsMax else { throw EngineError(code: .full, reason: "\(jobsMax) jobs live; some must end") }
        admit(job, isClaimed: isClaimed, at: now)
        return .accepted
    }

    private func check(_ job: EngineJob, against entry: Entry) throws(EngineError) {
        if entry.job.fingerprint == job.fingerprint { return }
        throw EngineError(
            code: .conflict, reason: "\(job.key) names a call of \(entry.job.handler) with another input or version")
    }

    private mutating func admit(_ job: EngineJob, isClaimed: Bool, at now: MonotonicInstant) {
        live += 1
        entries[job.key] = Entry(job: job, arrival: nextNumber(), phase: .waiting, isClaimed: isClaimed)
        postpone(job.key, until: now + max(.zero, job.delay), at: now)
    }

    /// Makes a job ready at `due`, which may be now.
    private mutating func postpone(_ key: JobKey, until due: MonotonicInstant, at now: MonotonicInstant) {
        guard var entry = entries[key] else { return }
        entry.turn = nextNumber()
        entry.progress = nil
        entry.phase = due > now ? .waiting : .ready
        if let nap = entry.nap { wake.naps.append(nap) }
        entry.nap = nil
        entries[key] = entry
        if due > now {
            timed.insert(Place(order: due.nanoseconds, turn: entry.turn, key: key))
        } else if !entry.isClaimed {
            let flow = Flow(lane: entry.job.lane, handler: entry.job.handler, tenant: entry.job.tenant)
            flows[flow, default: BinaryHeap()].insert(Place(order: entry.arrival, turn: entry.turn, key: key))
        }
        if !entry.isClaimed { wakeIdle() }
    }

    // MARK: - Out

    /// - Complexity: O(lanes, handlers and tenants that have had jobs).
    mutating func take(
        _ handlers: Set<String>, by worker: String, lease length: Duration, at now: MonotonicInstant
    ) -> EngineTurn {
        advance(to: now)
        var best: (flow: Flow, place: Place)?
        var until = nextDue
        for flow in Array(flows.keys) where handlers.contains(flow.handler) {
            guard let place = firstReady(of: flow) else { continue }
            if let end = pauses.end(lane: flow.lane, tenant: flow.tenant, dependency: flow.handler, at: now) {
                until = min(until, end)
            } else if best.map({ (flow.lane, place.order) < ($0.flow.lane, $0.place.order) }) ?? true {
                best = (flow, place)
            }
        }
        guard let best else { return .nothing(until: until) }
        _ = flows[best.flow]?.popFirst()
        return .job(begin(best.place.key, by: worker, lease: length, at: now))
    }

    /// Takes one job for the caller that waits for it, or says when to look again: `nil` when it has ended.
    mutating func claim(
        _ key: JobKey, by worker: String, lease length: Duration, at now: MonotonicInstant
    ) -> EngineTurn? {
        advance(to: now)
        guard let entry = entries[key] else { return nil }
        if case .ended = entry.phase { return nil }
        guard case .ready = entry.phase else { return .nothing(until: nextDue) }
        let job = entry.job
        if let end = pauses.end(lane: job.lane, tenant: job.tenant, dependency: job.handler, at: now) {
            return .nothing(until: end)
        }
        return .job(begin(key, by: worker, lease: length, at: now))
    }

    private mutating func begin(
        _ key: JobKey, by worker: String, lease length: Duration, at now: MonotonicInstant
    ) -> LeasedJob {
        guard var entry = entries[key] else { preconditionFailure("a job that is ready is in the book") }
        let lease = JobLease(key: key, number: nextNumber(), length: length)
        entry.phase = .running(lease: lease, worker: worker, started: now)
        entry.turn = lease.number
        timed.insert(Place(order: (now + length).nanoseconds, turn: lease.number, key: key))
        entries[key] = entry
        return LeasedJob(job: entry.job, lease: lease, attempt: entry.attempts + 1)
    }

    /// The first job of a flow that is ready; what was claimed or has another turn now is dropped.
    private mutating func firstReady(of flow: Flow) -> Place? {
        while let place = flows[flow]?.first {
            if let entry = entries[place.key], entry.turn == place.turn, case .ready = entry.phase { return place }
            _ = flows[flow]?.popFirst()
        }
        flows[flow] = nil
        return nil
    }

    // MARK: - Attempts

    mutating func heartbeat(
        _ lease: JobLease, _ progress: JobProgress?, at now: MonotonicInstant
    ) throws(EngineError) {
        advance(to: now)
        var (entry, _, _) = try holder(of: lease)
        entry.turn = nextNumber()
        if let progress { entry.progress = progress }
        timed.insert(Place(order: (now + lease.length).nanoseconds, turn: entry.turn, key: lease.key))
        entries[lease.key] = entry
    }

    /// Of a worker in this process, without a heartbeat.
    mutating func note(_ progress: JobProgress, _ lease: JobLease) {
        if case .running(lease, _, _)? = entries[lease.key]?.phase { entries[lease.key]?.progress = progress }
    }

    mutating func complete(
        _ lease: JobLease, _ ending: AttemptEnding, at now: MonotonicInstant
    ) throws(EngineError) {
        advance(to: now)
        let (_, worker, started) = try holder(of: lease)
        let key = lease.key
        switch ending {
        case .succeeded(let output): end(key, .succeeded(output), at: now)
        case .snoozed(let pause): postpone(key, until: now + max(.zero, pause), at: now)
        case .released: postpone(key, until: now, at: now)
        case .failed(let error, let pause):
            count(AttemptRecord(worker: worker, started: started, ended: now, error: error), of: key)
            fail(key, error, retryAfter: pause, .permanent, at: now)
        case .discarded(let error):
            count(AttemptRecord(worker: worker, started: started, ended: now, error: error), of: key)
            guard let attempts = entries[key]?.attempts else { return }
            end(key, .failed(JobFailure(key: key, reason: .discarded, attempts: attempts, error: error)), at: now)
        }
    }

    private func holder(
        of lease: JobLease
    ) throws(EngineError) -> (entry: Entry, worker: String, started: MonotonicInstant) {
        guard let entry = entries[lease.key], case .running(lease, let worker, let started) = entry.phase else {
            throw EngineError(code: .leaseLost, reason: "\(lease.key) is not this worker's any more")
        }
        return (entry, worker, started)
    }

    private mutating func count(_ record: AttemptRecord, of key: JobKey) {
        entries[key]?.attempts += 1
        if entries[key]?.records.count == 64 { entries[key]?.records.removeFirst() }
        entries[key]?.records.append(record)
    }

    /// After an attempt that counted: another one, or the end.
    private mutating func fail(
        _ key: JobKey, _ error: String, retryAfter pause: Duration?, _ reason: JobFailure.Reason,
        at now: MonotonicInstant
    ) {
        guard let entry = entries[key] else { return }
        let isExhausted = entry.attempts >= entry.job.attemptsMax
        if !isExhausted, let pause { return postpone(key, until: now + max(.zero, pause), at: now) }
        let reason = isExhausted && pause != nil ? .exhausted : reason
        let isParked = reason == .exhausted && entry.job.onExhausted == .park
        let letter = DeadLetter(job: entry.job, reason: reason, attempts: entry.records, died: now, isParked: isParked)
        if isParked {
            let turn = nextNumber()
            entries[key]?.phase = .parked
            entries[key]?.turn = turn
        } else {
            end(key, .failed(JobFailure(key: key, reason: reason, attempts: entry.attempts, error: error)), at: now)
        }
        if let gone = letters.add(letter), gone.isParked { endUnfindable(gone, at: now) }
    }

    /// A parked job whose letter had to go cannot be redriven any more.
    private mutating func endUnfindable(_ letter: DeadLetter, at now: MonotonicInstant) {
        guard let entry = entries[letter.key], case .parked = entry.phase else { return }
        let error = letter.attempts.last?.error ?? ""
        let failure = JobFailure(key: letter.key, reason: .exhausted, attempts: entry.attempts, error: error)
        end(letter.key, .failed(failure), at: now)
    }

    private mutating func end(_ key: JobKey, _ outcome: JobOutcome, at now: MonotonicInstant) {
        guard var entry = entries[key] else { return }
        entry.phase = .ended(outcome)
        entry.turn = nextNumber()
        for waiter in entry.waiters.values { wake.outcomes.append((waiter, outcome)) }
        entry.waiters = [:]
        if let nap = entry.nap { wake.naps.append(nap) }
        entry.nap = nil
        entries[key] = entry
        live -= 1
        ended.append((key, entry.turn))
        timed.insert(Place(order: (now + retention).nanoseconds, turn: entry.turn, key: key))
        if ended.count - endedGone > jobsMax { dropOldestEnded() }
    }

    private mutating func dropOldestEnded() {
        let oldest = ended[endedGone]
        endedGone += 1
        if entries[oldest.key]?.turn == oldest.turn { entries[oldest.key] = nil }
        guard endedGone > ended.count / 2 else { return }
        ended.removeFirst(endedGone)
        endedGone = 0
    }

    // MARK: - Time

    /// Does what became due.
    mutating func advance(to now: MonotonicInstant) {
        while let place = timed.first, place.order <= now.nanoseconds {
            _ = timed.popFirst()
            guard let entry = entries[place.key], entry.turn == place.turn else { continue }
            switch entry.phase {
            case .waiting: postpone(place.key, until: now, at: now)
            case .running(_, let worker, let started):
                let error = "lease expired: \(worker) has fallen silent"
                count(AttemptRecord(worker: worker, started: started, ended: now, error: error), of: place.key)
                fail(place.key, error, retryAfter: .zero, .exhausted, at: now)
            case .ended: entries[place.key] = nil
            case .ready, .parked: break
            }
        }
    }

    private var nextDue: MonotonicInstant {
        timed.first.map { MonotonicInstant(nanoseconds: $0.order) } ?? .distantFuture
    }

    // MARK: - Waiting

    /// - Returns: The outcome when the job has ended; that there will be none when the book is closed, or the job was
    ///   given up meanwhile; `nil` when the waiter is kept.
    mutating func wait(
        for key: JobKey, _ number: UInt64, _ waiter: UnsafeContinuation<JobOutcome?, Never>
    ) -> JobOutcome?? {
        if case .ended(let outcome)? = entries[key]?.phase { return outcome }
        if isClosed || entries[key] == nil { return .some(nil) }
        entries[key]?.waiters[number] = waiter
        return nil
    }

    mutating func stopWaiting(for key: JobKey, _ number: UInt64) -> UnsafeContinuation<JobOutcome?, Never>? {
        entries[key]?.waiters.removeValue(forKey: number)
    }

    /// Keeps the sleep of a worker, to end it early. False when there may be something now.
    mutating func addIdle(_ nap: TimedWait<Void>, _ number: UInt64, at now: MonotonicInstant) -> Bool {
        advance(to: now)
        let isReady = Array(flows.keys).contains { flow in
            firstReady(of: flow) != nil
                && pauses.end(lane: flow.lane, tenant: flow.tenant, dependency: flow.handler, at: now) == nil
        }
        if !isReady { idle[number] = nap }
        return !isReady
    }

    mutating func leaveClaimed(_ key: JobKey, forget: Bool) {
        guard let entry = entries[key], entry.isClaimed else { return }
        var hasEnded = false
        if case .ended = entry.phase { hasEnded = true }
        guard forget || !hasEnded else { return }
        entries[key] = nil
        if hasEnded { return }
        live -= 1
        for waiter in entry.waiters.values { wake.outcomes.append((waiter, nil)) }
    }

    mutating func removeIdle(_ number: UInt64) { idle[number] = nil }

    private mutating func wakeIdle() {
        wake.naps.append(contentsOf: idle.values)
        idle = [:]
    }

    /// Keeps the sleep of the caller that will run `key`. False when it can go on now.
    mutating func addNap(_ nap: TimedWait<Void>, for key: JobKey, at now: MonotonicInstant) -> Bool {
        advance(to: now)
        guard let entry = entries[key] else { return false }
        let job = entry.job
        let isPaused = pauses.end(lane: job.lane, tenant: job.tenant, dependency: job.handler, at: now) != nil
        switch entry.phase {
        case .ended: return false
        case .ready where !isPaused: return false
        default:
            entries[key]?.nap = nap
            return true
        }
    }

    /// Nobody is left who could bring anything to an end: whoever waits for it learns that.
    mutating func close() {
        isClosed = true
        for key in Array(entries.keys) {
            guard let waiters = entries[key]?.waiters.values, !waiters.isEmpty else { continue }
            for waiter in waiters { wake.outcomes.append((waiter, nil)) }
            entries[key]?.waiters = [:]
        }
        wakeIdle()
    }

    // MARK: - By hand

    mutating func pause(_ scope: PauseScope, until instant: MonotonicInstant) { pauses.pause(scope, until: instant) }

    mutating func resume(_ scope: PauseScope) -> Bool {
        guard pauses.resume(scope) else { return false }
        wakeIdle()
        for (key, entry) in entries {
            guard let nap = entry.nap else { continue }
            wake.naps.append(nap)
            entries[key]?.nap = nil
        }
        return true
    }

    mutating func redrive(where isWanted: (DeadLetter) -> Bool, at now: MonotonicInstant) -> [JobKey] {
        advance(to: now)
        var redriven: [JobKey] = []
        for letter in letters.remove(where: isWanted) {
            var job = letter.job
            job.delay = .zero
            switch entries[letter.key]?.phase {
            case .parked?:
                entries[letter.key]?.job = job
                entries[letter.key]?.attempts = 0
                entries[letter.key]?.records = []
                postpone(letter.key, until: now, at: now)
            case .ended(.failed)?, nil: admit(job, isClaimed: false, at: now)
            default: continue  // somebody has handed it in again meanwhile
            }
            redriven.append(letter.key)
        }
        return redriven
    }
}
