import Glibc
import Gyre
import Synchronization

/// One round: a runtime from its start to its end, and the ledger of all that was submitted to it.
struct StressRound: Sendable {
    /// A mistake that is made on purpose, to see that the ledger finds it. Of the first producer.
    enum Plant: Sendable, Equatable {
        /// A task that the ledger counts on and that is not submitted.
        case loss(at: Int)
        /// A task that is submitted twice.
        case double(at: Int)
    }

    let plan: StressPlan
    var plant: Plant?

    /// How long outcomes may take after the drain.
    private static let patience = Duration.seconds(30)

    /// Runs it to its end.
    ///
    /// - Throws: ``ConfigurationError``, or ``CommandFailure`` when the system has no thread for a producer.
    func run() throws -> StressLedger {
        let runtime = try Runtime(plan.configuration)
        let journal = StressJournal()
        let graph = try StressGraph()
        var threads: [PosixThread] = []
        var failure: Int32?
        for index in 0..<plan.producers where failure == nil {
            let producer = StressProducer(
                runtime: runtime, journal: journal, graph: graph, plan: plan, index: index,
                plant: index == 0 ? plant : nil)
            do {
                threads.append(
                    try PosixThread(name: "gyre-stress-\(index)") {
                        var own = producer
                        own.produce()
                    })
            } catch {
                failure = error.code
            }
        }
        let report: DrainReport
        switch plan.ending {
        case .whole:
            for thread in threads { thread.join() }
            report = runtime.drainBlocking(soft: .seconds(60), hard: .seconds(90))
        case .midway(let after, let soft, let hard):
            while failure == nil, journal.submits < after * plan.producers { sched_yield() }
            report = runtime.drainBlocking(soft: soft, hard: hard)
            for thread in threads { thread.join() }
        }
        if let failure {
            throw CommandFailure(
                code: .usage, text: "a producer cannot be started: \(systemErrorText(failure))")
        }
        let giveUp = runtime.clock.now + Self.patience
        while !journal.settle(), runtime.clock.now < giveUp { sched_yield() }
        // A worker that was given up may still look into its entry.
        if report.abandonedWorkers > 0 { _ = Unmanaged.passRetained(journal) }
        return StressLedger(journal.entries, isWhole: report.isComplete, snapshot: runtime.snapshot())
    }
}

/// The entries of a round, and those of them whose handle has not been asked yet.
final class StressJournal: Sendable {
    private struct State {
        var entries: [StressEntry] = []
        /// Handles, as questions: an end, or `nil` while there is none.
        var open: [(entry: StressEntry, end: @Sendable () -> StressEnd?)] = []
        /// Ends that somebody will write: of async callers.
        var awaited: [StressEntry] = []
    }

    private let state = Lock(State())
    private let count = Atomic(0)

    /// How many submits were begun.
    var submits: Int { count.load(ordering: .relaxed) }
    var entries: [StressEntry] { state.withLock { $0.entries } }

    /// A new entry, before it is submitted.
    func entry(_ kind: StressKind) -> StressEntry {
        let entry = StressEntry(kind)
        state.withLock { $0.entries.append(entry) }
        count.add(1, ordering: .relaxed)
        return entry
    }

    /// Asks for the end later.
    func ask(_ entry: StressEntry, _ end: @escaping @Sendable () -> StressEnd?) {
        state.withLock { $0.open.append((entry, end)) }
    }

    /// Somebody else writes the end.
    func await(_ entry: StressEntry) { state.withLock { $0.awaited.append(entry) } }

    /// Writes the ends that there are. False while some are missing.
    func settle() -> Bool {
        state.withLock { state in
            state.open.removeAll { entry, end in
                guard let end = end() else { return false }
                entry.end(end)
                return true
            }
            state.awaited.removeAll { !$0.allEnds.isEmpty }
            return state.open.isEmpty && state.awaited.isEmpty
        }
    }
}
