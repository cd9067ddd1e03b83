import Gyre
import GyreCore
import GyrePolicy
import GyreTesting
import Testing

/// Runs under keys on the production scheduler under manual time, one history a seed, against a reference that knows
/// no threads: calls come in bursts with few keys, scopes and fingerprints, bodies succeed, fail and are left, outcomes
/// are replayed, forgotten and grow old.
@Suite struct IdempotentHistoryTests {
    @Test func everyHistoryIsThatOfTheReference() throws {
        try forSeeds { random in
            var history = try IdempotentHistory(&random)
            try history.run()
        }
    }
}

/// What a call must end with.
private enum Expected: Hashable {
    case conflict(String)
    case running
    case full
    /// The outcome of the run of this number, which the call began, attached to, or came after.
    case outcome(run: Int, isReplayed: Bool)
}

/// One run, as the reference sees it.
private struct ReferenceRun {
    let number: Int
    let fingerprint: String
    let ends: MonotonicInstant
    let succeeds: Bool
    var callers: Set<Int> = []
    /// When its outcome is old; `nil` while it runs.
    var expires: MonotonicInstant?
}

/// What the records of a table must be.
private struct IdempotentReference {
    let policy: IdempotencyPolicy
    var runs: [[String]: ReferenceRun] = [:]
    var runsEver = 0

    mutating func call(
        _ name: [String], _ fingerprint: String, caller: Int, takes: Duration, succeeds: Bool, at now: MonotonicInstant
    ) -> Expected {
        if let run = runs[name], let expires = run.expires, now < expires {
            if run.fingerprint != fingerprint { return .conflict(run.fingerprint) }
            return .outcome(run: run.number, isReplayed: true)
        }
        runs = runs.filter { $0.value.expires.map { now < $0 } ?? true }
        if let run = runs[name] {
            if run.fingerprint != fingerprint { return .conflict(run.fingerprint) }
            if policy.whileRunning.value == .conflict { return .running }
            runs[name]?.callers.insert(caller)
            return .outcome(run: run.number, isReplayed: false)
        }
        if runs.count >= policy.recordsMax.value { return .full }
        runsEver += 1
        let ends = now + takes
        runs[name] = ReferenceRun(
            number: runsEver, fingerprint: fingerprint, ends: ends, succeeds: succeeds, callers: [caller])
        return .outcome(run: runsEver, isReplayed: false)
    }

    mutating func cancel(_ caller: Int) {
        for (name, run) in runs where run.callers.contains(caller) && run.expires == nil {
            runs[name]?.callers.remove(caller)
            if run.callers.count == 1 { runs[name] = nil }
        }
    }

    mutating func forget(_ name: [String]) -> Bool {
        guard runs[name]?.expires != nil else { return false }
        runs[name] = nil
        return true
    }

    mutating func advance(to now: MonotonicInstant) {
        for (name, run) in runs where run.expires == nil && run.ends <= now {
            let isKept = run.succeeds || policy.keepsFailures.value
            runs[name]?.expires = run.ends + policy.retention.value
            if !isKept { runs[name] = nil }
        }
    }
}

private struct IdempotentHistory {
    private struct Caller {
        let task: ManualTask<Replayable<Int>>
        let expected: Expected
        var isCancelled = false
    }

    private var random: SeededRandom
    private let manual: ManualRuntime
    private let runs: IdempotentRuns<Int>
    private var reference: IdempotentReference
    private var callers: [Caller] = []
    /// Of each run, when it ends and with what.
    private var endings: [Int: (ends: MonotonicInstant, succeeds: Bool)] = [:]
    private let bodies = Tally()

    init(_ random: inout SeededRandom) throws {
        manual = try ManualRuntime(seed: random.next(), .ofHistories)
        let policy = try IdempotencyPolicy(
            recordsMax: Int.random(in: 1...5, using: &random),
            retention: .microseconds(Int.random(in: 1...60, using: &random)),
            keepsFailures: Bool.random(using: &random), whileRunning: Bool.random(using: &random) ? .attach : .conflict)
        runs = IdempotentRuns(on: manual.runtime, policy)
        reference = IdempotentReference(policy: policy)
        self.random = random
    }

    mutating func run() throws {
        for step in 1...Int.random(in: 5...25, using: &random) {
            let name = [["", "a"], ["", "b"], ["c", "a"], ["c", "b"]].randomElement(using: &random) ?? []
            switch Int.random(in: 0..<10, using: &random) {
            case 0:
                let forgot = runs.forget(name[1], scope: name[0])
                guard forgot == reference.forget(name) else { throw Counterexample("step \(step): forget \(forgot)") }
            case 1, 2: cancel()
            case 3...5: advance(by: .microseconds(Int.random(in: 1...25, using: &random)))
            default: call(name)
            }
            guard runs.count == reference.runs.count else {
                throw Counterexample("step \(step): \(runs.count) records, not \(reference.runs.count)")
            }
            if let fault = firstFault { throw Counterexample("step \(step): \(fault)") }
            guard bodies.count == reference.runsEver else {
                throw Counterexample("step \(step): \(bodies.count) bodies, not \(reference.runsEver)")
            }
        }
        try finish()
    }

    private mutating func finish() throws {
        advance(by: .milliseconds(1))
        if let fault = firstFault { throw Counterexample(fault) }
        // Of those who share a run, one has begun it: that one, or whoever was cancelled.
        let origins = callers.count { caller in
            if case .success(let value)? = caller.task.result { value.origin == .ran } else { false }
        }
        guard origins <= reference.runsEver else { throw Counterexample("\(origins) ran \(reference.runsEver) bodies") }
        guard manual.finish().isComplete else { throw Counterexample("something was left in the runtime") }
    }

    /// Several callers at the same instant where they are all the same to the reference.
    private mutating func call(_ name: [String]) {
        let fingerprint = Int.random(in: 0..<6, using: &random) == 0 ? "other" : "same"
        let takes = Duration.microseconds(Int.random(in: 1...20, using: &random))
        let succeeds = Int.random(in: 0..<3, using: &random) > 0
        let sharers = reference.policy.whileRunning.value == .attach ? Int.random(in: 1...3, using: &random) : 1
        for _ in 0..<sharers {
            let expected = reference.call(
                name, fingerprint, caller: callers.count, takes: takes, succeeds: succeeds, at: manual.now)
            if case .outcome(let run, false) = expected, endings[run] == nil {
                endings[run] = (manual.now + takes, succeeds)
            }
            let number = reference.runsEver
            let task = manual.start { [runs, bodies, manual] in
                try await runs.run(name[1], scope: name[0], fingerprint: fingerprint) {
                    bodies.add()
                    try await manual.runtime.sleep(for: takes)
                    if !succeeds { throw Failure(number: number) }
                    return number
                }
            }
            callers.append(Caller(task: task, expected: expected))
        }
        manual.settle()
    }

    private mutating func cancel() {
        guard let index = callers.indices.randomElement(using: &random), callers[index].task.isPending else { return }
        callers[index].task.cancel()
        callers[index].isCancelled = true
        reference.cancel(index)
        manual.settle()
    }

    private mutating func advance(by duration: Duration) {
        manual.advance(by: duration)
        reference.advance(to: manual.now)
    }

    private var firstFault: String? { callers.indices.lazy.compactMap { fault(of: $0) }.first }

    /// What the caller has and should not, or should have and has not.
    private func fault(of index: Int) -> String? {
        let caller = callers[index]
        let result = caller.task.result
        var text: String { "call \(index) has \(result.map { "\($0)" } ?? "nothing"), not \(caller.expected)" }
        if caller.isCancelled { return caller.task.error is CancellationError ? nil : "\(text), cancelled" }
        switch caller.expected {
        case .conflict(let original):
            return caller.task.error as? IdempotencyError == .conflict(original: original) ? nil : text
        case .running: return caller.task.error as? IdempotencyError == .running ? nil : text
        case .full:
            let full = IdempotencyError.full(recordsMax: reference.policy.recordsMax.value)
            return caller.task.error as? IdempotencyError == full ? nil : text
        case .outcome(let run, let isReplayed):
            guard let ending = endings[run] else { return "run \(run) is unknown" }
            guard isReplayed || ending.ends <= manual.now else { return result == nil ? nil : "\(text), too early" }
            switch result {
            case .success(let value):
                return ending.succeeds && value.value == run && (value.origin == .replayed) == isReplayed ? nil : text
            case .failure(let error): return !ending.succeeds && error as? Failure == Failure(number: run) ? nil : text
            case nil: return text
            }
        }
    }
}
