import GyreCore
import GyrePolicy

/// A journal in the memory of the process: runs can be taken up again after a failure, a cancel or a drain, and not
/// after the process has ended.
///
/// - Concurrency: Safe from any thread. A short lock for each call; none waits.
public final class MemoryJournal: Journal {
    private struct Run {
        var entries: [JournalEntry] = []
        /// Where the success of a node and fingerprint is.
        var successes: [Success: Int] = [:]
    }

    private struct Success: Hashable {
        let node: String
        let fingerprint: Fingerprint
    }

    private struct State {
        var runs: [RunKey: Run] = [:]
        var count = 0
    }

    private let state = Lock(State())
    public let entriesMax: Int

    /// - Parameter entriesMax: How many entries of all runs together are kept, at least 1. One more is refused:
    ///   dropping an old one would make a node that had its effect run again.
    public init(entriesMax: Int = 1 << 20) {
        self.entriesMax = max(1, entriesMax)
    }

    /// Entries of all runs.
    public var count: Int { state.withLock { $0.count } }

    /// For the description of a runtime whose journal this is. Nobody chose them.
    var settings: [SettingDescription] { [Setting(entriesMax, from: .default).described(as: "entriesMax")] }

    @discardableResult
    public func append(_ entry: JournalEntry) async throws(JournalError) -> JournalEntry { try keep(entry) }

    public func load(_ run: RunKey) async throws(JournalError) -> [JournalEntry] {
        state.withLock { $0.runs[run]?.entries ?? [] }
    }

    public func forget(_ run: RunKey) async throws(JournalError) {
        state.withLock { state in
            guard let forgotten = state.runs.removeValue(forKey: run) else { return }
            state.count -= forgotten.entries.count
        }
    }

    private func keep(_ entry: JournalEntry) throws(JournalError) -> JournalEntry {
        let limit = entriesMax
        return try state.withLock { state throws(JournalError) in
            let name = Success(node: entry.node, fingerprint: entry.fingerprint)
            if let run = state.runs[entry.run], let first = run.successes[name] { return run.entries[first] }
            guard state.count < limit else {
                throw JournalError(code: .full, reason: "\(limit) entries are kept; forget runs that have ended")
            }
            var run = state.runs.removeValue(forKey: entry.run) ?? Run()  // taken out, so that it is not copied
            if entry.output != nil { run.successes[name] = run.entries.count }
            run.entries.append(entry)
            state.runs[entry.run] = run
            state.count += 1
            return entry
        }
    }
}
