import Gyre
import GyreCore
import GyreTesting
import Testing

/// The ports' own implementations keep their rules, and an implementation that breaks one is noticed.
@Suite struct ConformanceTests {
    @Test func theMemoryJournalKeepsEveryRule() async {
        let findings = await JournalConformance { MemoryJournal() }.findings()
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test func theMemoryEngineKeepsEveryRule() async {
        let findings = await EngineConformance { MemoryEngine(on: $0) }.findings()
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test(arguments: BrokenJournal.Fault.allCases)
    func aJournalThatBreaksARuleIsNoticed(_ fault: BrokenJournal.Fault) async {
        let findings = await JournalConformance { BrokenJournal(fault) }.findings()
        #expect(findings.contains { $0.rule.hasPrefix(fault.rule) }, "\(fault): \(findings)")
    }

    @Test(arguments: BrokenEngine.Fault.allCases)
    func anEngineThatBreaksARuleIsNoticed(_ fault: BrokenEngine.Fault) async {
        let engines = Lock<[BrokenEngine]>([])
        let findings = await EngineConformance(patience: .milliseconds(300)) { runtime in
            let engine = BrokenEngine(runtime, fault)
            engines.withLock { $0.append(engine) }
            return engine
        }.findings()
        #expect(findings.contains { $0.rule.hasPrefix(fault.rule) }, "\(fault): \(findings)")
        for engine in engines.withLock({ $0 }) { await engine.letGo() }
    }
}

/// A journal with one mistake.
final class BrokenJournal: Journal {
    enum Fault: String, CaseIterable, Sendable {
        case losesEmptyOutputs, lastWins, keepsSecondSuccess, failureStands, ignoresFingerprint, reversesOrder
        case mixesRuns, forgetsAll, forgetsNothing, refusesUnknown

        var rule: String {
            switch self {
            case .losesEmptyOutputs: return "1"
            case .lastWins, .keepsSecondSuccess, .failureStands, .ignoresFingerprint: return "2"
            case .reversesOrder, .mixesRuns, .refusesUnknown: return "3"
            case .forgetsAll, .forgetsNothing: return "4"
            }
        }
    }

    private let fault: Fault
    private let entries = Lock<[JournalEntry]>([])

    init(_ fault: Fault) { self.fault = fault }

    func append(_ entry: JournalEntry) async throws(JournalError) -> JournalEntry {
        entries.withLock { entries in
            if fault == .losesEmptyOutputs, entry.output == [] { return entry }
            let same = entries.firstIndex { old in
                old.run == entry.run && old.node == entry.node
                    && (old.fingerprint == entry.fingerprint || fault == .ignoresFingerprint)
                    && (old.output != nil || fault == .failureStands)
            }
            if let same {
                if fault == .lastWins { entries[same] = entry }
                if fault == .keepsSecondSuccess { entries.append(entry) }
                return fault == .lastWins ? entry : entries[same]
            }
            entries.append(entry)
            return entry
        }
    }

    func load(_ run: RunKey) async throws(JournalError) -> [JournalEntry] {
        let found = entries.withLock { $0.filter { $0.run == run || fault == .mixesRuns } }
        if fault == .refusesUnknown, found.isEmpty { throw JournalError(code: .unavailable, reason: "unknown") }
        return fault == .reversesOrder ? found.reversed() : found
    }

    func forget(_ run: RunKey) async throws(JournalError) {
        entries.withLock { entries in
            switch fault {
            case .forgetsAll: entries = []
            case .forgetsNothing: break
            default: entries.removeAll { $0.run == run }
            }
        }
    }
}

/// A memory engine behind one mistake.
final class BrokenEngine: Engine {
    enum Fault: String, CaseIterable, Sendable {
        case losesJobs, ignoresLanes, ignoresHandlers, forgetsKeys, acceptsConflicts, failedStays, hearsOldLeases
        case dropsHeartbeats, countsSnoozes, countsReleases, triesForEver, neverParks, ignoresDelays, promisesTooLate
        case neverWakes, ignoresCancels, knowsUnknown

        var rule: String {
            switch self {
            case .losesJobs, .ignoresLanes, .ignoresHandlers: return "1"
            case .forgetsKeys, .acceptsConflicts, .failedStays: return "2"
            case .hearsOldLeases, .dropsHeartbeats: return "3"
            case .countsSnoozes, .countsReleases: return "4"
            case .triesForEver, .neverParks: return "5"
            case .ignoresDelays, .promisesTooLate, .neverWakes: return "6"
            case .ignoresCancels, .knowsUnknown: return "7"
            }
        }
    }

    private let fault: Fault
    private let runtime: Runtime
    private let base: MemoryEngine
    private let submits = Lock(0)
    /// Waits that no cancel reaches.
    private let deaf = Lock<[Task<Result<JobOutcome, EngineError>, Never>]>([])

    init(_ runtime: Runtime, _ fault: Fault) {
        self.runtime = runtime
        self.fault = fault
        base = MemoryEngine(on: runtime)
    }

    func submit(_ job: EngineJob) async throws(EngineError) -> EngineReceipt {
        let number = submits.withLock { count in
            count += 1
            return count
        }
        var changed = job
        switch fault {
        case .losesJobs where number.isMultiple(of: 3): return .accepted
        case .ignoresLanes: changed.lane = .normal
        case .ignoresDelays: changed.delay = .zero
        case .triesForEver: changed.attemptsMax = .max
        case .neverParks: changed.onExhausted = .fail
        case .forgetsKeys where number > 1:
            changed = EngineJob(key: JobKey("\(job.key) \(number)"), handler: job.handler, input: job.input)
        case .failedStays:
            if case .ended? = try await base.state(of: job.key)?.phase { return .attached }
        case .acceptsConflicts:
            do throws(EngineError) { return try await base.submit(job) } catch { return .attached }
        default: break
        }
        return try await base.submit(changed)
    }

    func take(_ handlers: [String], by worker: String, lease: Duration) async throws(EngineError) -> EngineTurn {
        let asked = fault == .ignoresHandlers ? handlers + ["handler"] : handlers
        let turn = try await base.take(asked, by: worker, lease: lease)
        if case .nothing(let until) = turn, fault == .promisesTooLate {
            return .nothing(until: until + .nanoseconds(1))
        }
        return turn
    }

    func heartbeat(_ lease: JobLease, _ progress: JobProgress?) async throws(EngineError) {
        if fault == .dropsHeartbeats { return }
        try await base.heartbeat(lease, progress)
    }

    func complete(_ lease: JobLease, _ ending: AttemptEnding) async throws(EngineError) {
        switch (fault, ending) {
        case (.countsSnoozes, .snoozed(let pause)): try await base.complete(lease, .failed("", retryAfter: pause))
        case (.countsReleases, .released): try await base.complete(lease, .failed("", retryAfter: .zero))
        case (.hearsOldLeases, _):
            do throws(EngineError) { try await base.complete(lease, ending) } catch {}
        default: try await base.complete(lease, ending)
        }
    }

    func waitForWork(until limit: MonotonicInstant) async {
        if fault == .neverWakes {
            _ = try? await runtime.sleep(until: limit)
        } else {
            await base.waitForWork(until: limit)
        }
    }

    func outcome(of key: JobKey) async throws(EngineError) -> JobOutcome {
        if fault == .knowsUnknown, try await base.state(of: key) == nil { return .succeeded([]) }
        guard fault == .ignoresCancels else { return try await base.outcome(of: key) }
        let base = base
        let waiting = Task { () async -> Result<JobOutcome, EngineError> in
            do throws(EngineError) { return .success(try await base.outcome(of: key)) } catch { return .failure(error) }
        }
        deaf.withLock { $0.append(waiting) }
        return try await waiting.value.get()
    }

    /// Ends who still waits because a cancel was ignored.
    func letGo() async {
        for waiting in deaf.withLock({ $0 }) {
            waiting.cancel()
            _ = await waiting.value
        }
    }

    func state(of key: JobKey) async throws(EngineError) -> JobState? { try await base.state(of: key) }
}
