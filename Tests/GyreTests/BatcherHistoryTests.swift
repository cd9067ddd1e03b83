import Gyre
import GyreCore
import GyreTesting
import Testing

/// Batchers on the production scheduler under manual time, one history a seed: members of several keys come, leave and
/// fail in every way, batches take their time, and the batcher is closed while some wait.
///
/// At the end each member has its own part or its own error, once; no call was too large; each batch went at exactly
/// the instant that the policy names, and not before; and nothing is held.
@Suite struct BatcherHistoryTests {
    @Test func everybodyGetsHisOwnInTime() throws {
        try forSeeds { random in
            var history = try BatchHistory(&random)
            if let fault = try history.run() { throw Counterexample(fault) }
        }
    }
}

/// What becomes of a member whose call comes to its end.
private enum Fate: Sendable {
    case served
    /// By its own result.
    case fails
    /// Its whole call throws.
    case spoils
}

private struct BatchCaller {
    let key: Int
    let fate: Fate
    let arrival: MonotonicInstant
    let deadline: MonotonicInstant
    let task: ManualTask<Int>
    var left: MonotonicInstant?
}

/// One call of a batch, or of a part of one that had failed.
private struct SentBatch: Sendable {
    let key: Int
    let members: [Int]
    let began: MonotonicInstant
    var hasReturned = false
}

/// What the calls say of themselves, and what they are to do.
private final class BatchFacts: Sendable {
    let sent = Lock<[SentBatch]>([])
    let fates = Lock<[Fate]>([])
}

/// One history.
private struct BatchHistory {
    private var random: SeededRandom
    private let manual: ManualRuntime
    private let batcher: Batcher<Int, Int, Int>
    private let size: Int
    private let within: Duration
    /// How long a call takes. Also what the batcher has learned of it, at the most one hundredth less than it believes.
    private let takes: Duration
    private let hasLearned: Bool
    private let facts = BatchFacts()
    private var callers: [BatchCaller] = []
    private var closed = MonotonicInstant.distantFuture

    init(_ random: inout SeededRandom) throws {
        let manual = try ManualRuntime(seed: random.next(), .ofHistories)
        let takes = Duration.microseconds(Int.random(in: 1...4_000, using: &random))
        let facts = facts
        let most = Int.random(in: 1...6, using: &random)
        within = .microseconds(Bool.random(using: &random) ? Int.random(in: 0...5_000, using: &random) : 0)
        batcher = try Batcher(on: manual.runtime, BatchPolicy(max: most, within: within)) { key, members in
            let index = facts.sent.withLock { sent in
                sent.append(SentBatch(key: key, members: members, began: manual.now))
                return sent.count - 1
            }
            try await manual.runtime.sleep(for: takes)
            let fates = facts.fates.withLock { all in members.map { $0 < 0 ? .served : all[$0] } }
            if let spoiler = fates.firstIndex(of: .spoils) { throw Failure(number: members[spoiler]) }
            facts.sent.withLock { $0[index].hasReturned = true }
            return zip(members, fates).map { member, fate in
                fate == .fails ? .failure(Failure(number: member)) : .success(member * 10 + key)
            }
        }
        var size = most
        if Bool.random(using: &random) {
            size = Int.random(in: 1...most, using: &random)
            batcher.pin(size: size)
        }
        hasLearned = Int.random(in: 0..<8, using: &random) == 0
        if hasLearned {
            let batcher = batcher
            for warming in 1...Int(BatchController.samplesMin) {
                _ = try manual.run { try await batcher.value(of: -warming, key: 0) }
            }
        }
        facts.sent.withLock { $0 = [] }
        (self.manual, self.takes, self.size) = (manual, takes, size)
        self.random = random
    }

    mutating func run() throws -> String? {
        // Fewer than the batches after which the batcher learns something new.
        for _ in 0..<Int.random(in: 1..<Int(BatchController.samplesMin), using: &random) {
            come()
            if Int.random(in: 0..<5, using: &random) == 0 { leave() }
            switch Int.random(in: 0..<3, using: &random) {
            case 0: break  // the next one comes at the same instant, and nothing has run
            case 1: manual.settle()
            default: manual.advance(by: .microseconds(Int.random(in: 0...3_000, using: &random)))
            }
        }
        manual.advance(by: .microseconds(Int.random(in: 0...8_000, using: &random)))
        closed = manual.now
        let batcher = batcher
        try manual.run { await batcher.close() }
        manual.settle()
        let snapshot = batcher.snapshot()
        if snapshot.waiting + snapshot.running > 0 { return "closed, and \(snapshot)" }
        let late = manual.start { try await batcher.value(of: 0, key: 0) }
        manual.settle()
        guard (late.error as? GyreError)?.code == .closed else { return "a closed batcher says \(late.result as Any)" }
        guard manual.finish().isComplete else { return "something was left in the runtime" }
        return endFault ?? timeFault
    }

    private mutating func come() {
        let (index, key) = (callers.count, Int.random(in: 0..<3, using: &random))
        let fate = [Fate.spoils, .fails, .served, .served, .served].randomElement(using: &random) ?? .served
        facts.fates.withLock { $0.append(fate) }
        let now = manual.now
        let isUrgent = Int.random(in: 0..<3, using: &random) == 0
        let deadline = isUrgent ? now + .microseconds(Int.random(in: 1...12_000, using: &random)) : .distantFuture
        let task = manual.start { [batcher] in try await batcher.value(of: index, key: key, deadline: deadline) }
        callers.append(BatchCaller(key: key, fate: fate, arrival: now, deadline: deadline, task: task))
    }

    private mutating func leave() {
        guard let index = callers.indices.randomElement(using: &random), callers[index].task.isPending else { return }
        callers[index].left = manual.now
        callers[index].task.cancel()
    }

    /// A member that did not get its own.
    private var endFault: String? {
        let calls = facts.sent.withLock { $0 }
        for (index, caller) in callers.enumerated() {
            let own = calls.filter { $0.members.contains(index) }
            if own.contains(where: { $0.key != caller.key }) { return "\(index) went with another key" }
            let served = own.count(where: \.hasReturned)
            if let left = caller.left {
                guard caller.task.error is CancellationError else { return "\(index) left with \(caller.task)" }
                if served > 1 { return "\(index) was served \(served) times" }
                if let began = own.first?.began, began > left { return "\(index) went after it had left" }
                continue
            }
            switch (caller.fate, caller.task.result) {
            case (.served, .success(index * 10 + caller.key)) where served == 1: break
            case (.fails, .failure(let error)) where error as? Failure == Failure(number: index) && served == 1: break
            case (.spoils, .failure(let error)) where error as? Failure == Failure(number: index):
                guard served == 0, own.last?.members == [index] else { return "\(index) did not fail alone: \(own)" }
            default: return "\(index) (\(caller.fate)) has \(caller.task.result as Any), served \(served) times"
            }
        }
        return nil
    }

    /// A batch that was too large, too early or too late.
    private var timeFault: String? {
        var seen: Set<Int> = []
        for call in facts.sent.withLock({ $0 }) {
            if call.members.isEmpty || call.members.count > size { return "\(call.members.count) members, not \(size)" }
            let isPart = !seen.isDisjoint(with: call.members)
            seen.formUnion(call.members)
            if isPart {
                if call.members.count * 2 > size + 1 { return "sent again, and not in halves: \(call)" }
                continue
            }
            let members = call.members.map { callers[$0] }
            let arrivals = members.map(\.arrival)
            guard let first = arrivals.min(), let last = arrivals.max() else { return "nobody" }
            let urgent = members.map(\.deadline).min() ?? .distantFuture
            // What the batcher believes a call to take: nothing, or what it saw, in the steps of its histogram.
            let believes = hasLearned ? (takes, takes + takes / 64) : (.zero, .zero)
            let latest = max(min(first + within, start(urgent, before: believes.0), closed), last)
            let earliest = max(min(first + within, start(urgent, before: believes.1), closed), last)
            if call.began > latest { return "too late by \(latest.duration(to: call.began)): \(call)" }
            // Whoever has left since may have filled it.
            let isFull = members.count == size || callers.contains { $0.key == call.key && $0.left == call.began }
            if call.began < earliest, !isFull { return "too early by \(call.began.duration(to: earliest)): \(call)" }
        }
        return nil
    }

    private func start(_ deadline: MonotonicInstant, before takes: Duration) -> MonotonicInstant {
        deadline == .distantFuture ? deadline : deadline - takes
    }
}
