public import Gyre
import GyreCore

/// Asks an engine about every rule of ``Gyre/Engine``.
///
/// ```swift
/// let findings = await EngineConformance { runtime in MyEngine(clock: runtime.clock) }.findings()
/// #expect(findings.isEmpty)
/// ```
public struct EngineConformance: Sendable {
    private let make: @Sendable (Runtime) async throws -> any Engine
    private let patience: Duration

    /// - Parameters:
    ///   - make: Makes an engine without jobs. Called once for each rule, with a runtime whose clock stands still
    ///     but for the check: an engine whose leases and delays do not follow ``Gyre/Runtime/clock`` cannot be asked.
    ///   - patience: How long it waits for what must happen, before it says that it does not.
    public init(
        patience: Duration = .seconds(10), _ make: @escaping @Sendable (Runtime) async throws -> any Engine
    ) {
        self.make = make
        self.patience = patience
    }

    /// The rules that are not kept. Empty when all is well.
    public func findings() async -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        let rules: [(String, @Sendable (Desk) async throws -> Void)] = [
            ("1: a job is one worker's", oneWorkerHasIt), ("1: in order, by lane", inOrder),
            ("1: a worker gets what it asks for", onlyWhatIsAskedFor), ("1: many workers, each job once", eachOnce),
            ("2: one key is one job", oneKey), ("2: what failed may come again", failedComesAgain),
            ("3: an old lease is nobody's", oldLease), ("3: a heartbeat keeps the lease", heartbeatKeeps),
            ("4: what counts as an attempt", attemptsCount), ("5: attempts end", attemptsEnd),
            ("5: a job is parked", parks), ("6: not before its time", notBefore),
            ("6: who waits is woken", wakes), ("7: who waits for an outcome gets it", outcomes),
        ]
        for (rule, body) in rules {
            await check(rule, &findings) {
                let desk = try await Desk(make, patience)
                do {
                    try await body(desk)
                } catch {
                    await desk.close()
                    throw error
                }
                await desk.close()
            }
        }
        return findings
    }

    // MARK: - The rules

    @Sendable private func oneWorkerHasIt(_ desk: Desk) async throws {
        try await desk.submit("a")
        let first = try await desk.take()
        try demand(first?.job == desk.job("a") && first?.attempt == 1, "a job that was submitted came as \(first.text)")
        let second = try await desk.take("other")
        try demand(second == nil, "a job that one worker has was given to another")
        try await desk.complete(first, .succeeded([7]))
        let third = try await desk.take()
        try demand(third == nil, "a job that has ended was given out")
        let phase = try await desk.engine.state(of: "a")?.phase
        try demand(phase == .ended(.succeeded([7])), "a job that has succeeded is \(String(describing: phase))")
    }

    @Sendable private func inOrder(_ desk: Desk) async throws {
        for number in 0..<6 {
            var job = desk.job("\(number)")
            job.lane = number < 3 ? .low : .high
            try await desk.submit(job)
        }
        var keys: [String] = []
        while let leased = try await desk.take() { keys.append(leased.job.key.text) }
        try demand(keys == ["3", "4", "5", "0", "1", "2"], "0, 1, 2 (low) and 3, 4, 5 (high) came as \(keys)")
    }

    @Sendable private func onlyWhatIsAskedFor(_ desk: Desk) async throws {
        try await desk.submit("a")
        let turn = try await desk.engine.take(["another"], by: "worker", lease: .seconds(10))
        try demand(turn.job == nil, "a job of a handler that was not asked for was given out")
    }

    @Sendable private func eachOnce(_ desk: Desk) async throws {
        let count = 200
        for number in 0..<count { try await desk.submit("\(number)") }
        let taken = try await withThrowingTaskGroup(of: [JobKey].self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var keys: [JobKey] = []
                    while let leased = try await desk.take("\(worker)") {
                        keys.append(leased.job.key)
                        try await desk.complete(leased, .succeeded([]))
                    }
                    return keys
                }
            }
            return try await group.reduce(into: [JobKey]()) { $0 += $1 }
        }
        try demand(
            taken.count == count && Set(taken).count == count,
            "of \(count) jobs 8 workers took \(taken.count), \(Set(taken).count) different ones")
    }

    @Sendable private func oneKey(_ desk: Desk) async throws {
        try await desk.submit("a")
        let again = try await desk.engine.submit(desk.job("a"))
        try demand(again == .attached, "the same job handed in twice was \(again)")
        let other = EngineJob(key: "a", handler: Desk.handler, input: [9])
        await desk.refused(.conflict) { () async throws(EngineError) in _ = try await desk.engine.submit(other) }
        let leased = try await desk.take()
        try await desk.complete(leased, .succeeded([5]))
        let late = try await desk.engine.submit(desk.job("a"))
        try demand(late == .done([5]), "a job that had succeeded was \(late) when it came again")
        let none = try await desk.take()
        try demand(none == nil, "a job that had succeeded ran again")
        try desk.demandRefusals()
    }

    @Sendable private func failedComesAgain(_ desk: Desk) async throws {
        try await desk.submit("a")
        try await desk.complete(desk.take(), .failed("bad", retryAfter: nil))
        let again = try await desk.engine.submit(desk.job("a"))
        try demand(again == .accepted, "a job that had failed was \(again) when it came again")
        let leased = try await desk.take()
        try demand(leased?.attempt == 1, "a job that came again came as \(leased.text)")
    }

    @Sendable private func oldLease(_ desk: Desk) async throws {
        try await desk.submit("a")
        let silent = try await desk.take("silent")
        desk.time.advance(by: .seconds(11))
        let next = try await desk.take("next")
        try demand(next?.attempt == 2, "after its lease expired the job came as \(next.text)")
        guard let silent else { throw Breach(detail: "a job that was submitted was not given out") }
        await desk.refused(.leaseLost) { () async throws(EngineError) in
            try await desk.engine.complete(silent.lease, .succeeded([1]))
        }
        await desk.refused(.leaseLost) { () async throws(EngineError) in
            try await desk.engine.heartbeat(silent.lease, nil)
        }
        try await desk.complete(next, .succeeded([2]))
        let phase = try await desk.engine.state(of: "a")?.phase
        try demand(phase == .ended(.succeeded([2])), "the word of an old lease counted: \(String(describing: phase))")
        await desk.refused(.leaseLost) { () async throws(EngineError) in
            if let next { try await desk.engine.complete(next.lease, .failed("late", retryAfter: nil)) }
        }
        try desk.demandRefusals()
    }

    @Sendable private func heartbeatKeeps(_ desk: Desk) async throws {
        try await desk.submit("a")
        guard let leased = try await desk.take() else { throw Breach(detail: "no job was given out") }
        for beat in 1...5 {
            desk.time.advance(by: .seconds(9))
            try await desk.engine.heartbeat(leased.lease, JobProgress(fraction: Double(beat) / 10, note: "\(beat)"))
            let stolen = try await desk.take("other")
            try demand(stolen == nil, "a job whose lease was kept alive was given to another")
        }
        let state = try await desk.engine.state(of: "a")
        try demand(
            state?.progress == JobProgress(fraction: 0.5, note: "5") && state?.attempts == 0,
            "after five heartbeats the job is \(String(describing: state))")
        try await desk.complete(leased, .succeeded([]))
    }

    @Sendable private func attemptsCount(_ desk: Desk) async throws {
        try await desk.submit("a")
        try await desk.complete(desk.take(), .released)
        try await desk.complete(desk.take(), .snoozed(.zero))
        try await desk.complete(desk.take(), .failed("once", retryAfter: .zero))
        let leased = try await desk.take()
        try demand(
            leased?.attempt == 2, "after one released, one snoozed and one failed attempt it came as \(leased.text)")
    }

    @Sendable private func attemptsEnd(_ desk: Desk) async throws {
        try await desk.submit("a")
        for attempt in 1...3 {
            let leased = try await desk.take()
            try demand(leased?.attempt == attempt, "attempt \(attempt) of 3 came as \(leased.text)")
            try await desk.complete(leased, .failed("bad", retryAfter: .zero))
        }
        let fourth = try await desk.take()
        try demand(fourth == nil, "a job of three attempts had a fourth")
        let failure = JobFailure(key: "a", reason: .exhausted, attempts: 3, error: "bad")
        let phase = try await desk.engine.state(of: "a")?.phase
        try demand(phase == .ended(.failed(failure)), "a job without attempts left is \(String(describing: phase))")
    }

    @Sendable private func parks(_ desk: Desk) async throws {
        var job = desk.job("a")
        job.attemptsMax = 1
        job.onExhausted = .park
        try await desk.submit(job)
        try await desk.complete(desk.take(), .failed("bad", retryAfter: .zero))
        let state = try await desk.engine.state(of: "a")
        try demand(state?.phase == .parked, "a job that was to be parked is \(String(describing: state?.phase))")
        let again = try await desk.engine.submit(job)
        try demand(again == .attached, "a parked job was \(again) when it came again")
    }

    @Sendable private func notBefore(_ desk: Desk) async throws {
        var job = desk.job("a")
        job.delay = .seconds(5)
        try await desk.submit(job)
        let waits: [(String, AttemptEnding)] = [
            ("its delay", .snoozed(.seconds(7))), ("its snooze", .failed("bad", retryAfter: .seconds(9))),
            ("its backoff", .succeeded([])),
        ]
        for ((what, ending), pause) in zip(waits, [5, 7, 9]) {
            let due = desk.runtime.clock.now + .seconds(pause)
            desk.time.advance(by: .seconds(pause) - .nanoseconds(1))
            guard case .nothing(let until) = try await desk.turn() else {
                throw Breach(detail: "it was given out before \(what) was over")
            }
            try demand(until <= due, "it says that nothing comes before \(until), and \(what) is over at \(due)")
            desk.time.advance(by: .nanoseconds(1))
            let leased = try await desk.take()
            try demand(leased != nil, "it was not given out when \(what) was over")
            try await desk.complete(leased, ending)
        }
    }

    @Sendable private func wakes(_ desk: Desk) async throws {
        let engine = desk.engine
        let waiter = Task { await engine.waitForWork(until: .distantFuture) }
        try await desk.submit("a")
        try await desk.ends("a worker slept on when a job was handed in", waiter)
        try await desk.complete(desk.take(), .succeeded([]))
        let now = desk.runtime.clock.now
        try await desk.ends("a wait did not end at its limit", Task { await engine.waitForWork(until: now) })
        let cancelled = Task { await engine.waitForWork(until: .distantFuture) }
        cancelled.cancel()
        try await desk.ends("a wait did not end when it was cancelled", cancelled)
    }

    @Sendable private func outcomes(_ desk: Desk) async throws {
        let engine = desk.engine
        await desk.refused(.unknown) { () async throws(EngineError) in _ = try await engine.outcome(of: "unknown") }
        try await desk.submit("a")
        let early = Task { try await engine.outcome(of: "a") }
        let unwilling = Task { try await engine.outcome(of: "a") }
        unwilling.cancel()
        try await desk.ends("a wait for an outcome did not end when it was cancelled", unwilling)
        if case .success(let outcome) = await unwilling.result {
            throw Breach(detail: "a cancelled wait returned \(outcome)")
        }
        try await desk.complete(desk.take(), .succeeded([3]))
        try await desk.ends("who waited for an outcome slept on", early)
        let both = try await [early.value, engine.outcome(of: "a")]
        try demand(both == [.succeeded([3]), .succeeded([3])], "who waited before and after got \(both)")
        try desk.demandRefusals()
    }
}

/// An engine under question, and the time that it goes by.
private final class Desk: Sendable {
    static let handler = "handler"
    let runtime: Runtime
    let time: ManualTime
    let engine: any Engine
    /// What was not refused as it must be.
    private let wrong = Lock<[String]>([])
    private let patience: Duration

    init(_ make: (Runtime) async throws -> any Engine, _ patience: Duration) async throws {
        self.patience = patience
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000_000_000))
        var configuration = Runtime.Configuration(workers: 1, pinning: .none)
        configuration.clock = clock
        runtime = try Runtime(configuration)
        self.time = time
        engine = try await make(runtime)
    }

    func close() async { await runtime.drain(soft: .seconds(60), hard: .seconds(60)) }

    func job(_ key: String) -> EngineJob { EngineJob(key: JobKey(key), handler: Self.handler, input: [1]) }

    func submit(_ key: String) async throws { try await submit(job(key)) }

    func submit(_ job: EngineJob) async throws {
        let receipt = try await engine.submit(job)
        try demand(receipt == .accepted, "a new job was \(receipt)")
    }

    func turn(_ worker: String = "worker") async throws -> EngineTurn {
        try await engine.take([Self.handler], by: worker, lease: .seconds(10))
    }

    func take(_ worker: String = "worker") async throws -> LeasedJob? { try await turn(worker).job }

    func complete(_ leased: LeasedJob?, _ ending: AttemptEnding) async throws {
        guard let leased else { throw Breach(detail: "a job that is ready was not given out") }
        try await engine.complete(leased.lease, ending)
    }

    func refused(_ code: EngineError.Code, _ body: () async throws(EngineError) -> Void) async {
        do throws(EngineError) {
            try await body()
            wrong.withLock { $0.append("what must be refused as \(code) was not refused") }
        } catch {
            if error.code != code { wrong.withLock { $0.append("what must be refused as \(code) was \(error)") } }
        }
    }

    /// Waits for a task that must end, and not for ever.
    func ends<Value, Failure>(_ otherwise: String, _ task: Task<Value, Failure>) async throws {
        let hasEnded = Lock(false)
        let watch = Task {
            _ = await task.result
            hasEnded.withLock { $0 = true }
        }
        let limit = ContinuousClock.now + patience
        while !hasEnded.withLock({ $0 }) {
            if ContinuousClock.now > limit {
                task.cancel()
                watch.cancel()
                throw Breach(detail: otherwise)
            }
            await Task.yield()
        }
    }

    func demandRefusals() throws {
        let wrong = wrong.withLock { $0 }
        try demand(wrong.isEmpty, wrong.joined(separator: "; "))
    }
}

extension LeasedJob? {
    fileprivate var text: String { map { "\($0.job.key), attempt \($0.attempt)" } ?? "nothing" }
}
