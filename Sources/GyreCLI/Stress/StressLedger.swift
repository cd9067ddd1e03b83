import Gyre
import Synchronization

/// The ways in which work is submitted.
enum StressKind: String, CaseIterable, Sendable {
    case fire, ticket, post, late, handle, async, run, node

    /// Whether a body that began may be given up before it ends, so that its outcome does not say whether it began.
    var mayBeGivenUp: Bool { self == .async || self == .run }
}

/// How an entry ended, as the runtime told it.
enum StressEnd: Sendable, Equatable {
    case refused(SubmitError)
    /// Taken on, and nobody will be told how it ends: the body is the proof.
    case accepted
    /// Taken back by its ticket before it started.
    case withdrawn
    case succeeded, failed, timedOut, skipped
    case cancelled(CancelReason)
    /// An outcome that the body cannot have had.
    case wrong(String)
}

/// One submit: how often its body began, and how it ended.
final class StressEntry: Sendable {
    let kind: StressKind
    private let starts = Atomic<UInt64>(0)
    private let ends = Lock<[StressEnd]>([])

    init(_ kind: StressKind) { self.kind = kind }

    /// The body begins.
    func start() { starts.add(1, ordering: .relaxed) }  // read after a drain, which comes after every body

    func end(_ end: StressEnd) { ends.withLock { $0.append(end) } }

    var startCount: UInt64 { starts.load(ordering: .relaxed) }
    var allEnds: [StressEnd] { ends.withLock { $0 } }
}

/// What every submit of a round came to. Each must have exactly one fate, and the fates must be as many as the submits
/// and agree with what the runtime itself counted.
struct StressLedger: Sendable {
    /// The fates. What is in none of them is a finding.
    struct Sums: Sendable, Equatable {
        var submitted = 0
        var ran = 0
        var refused = 0
        var late = 0
        var cancelled = 0
        var skipped = 0

        var settled: Int { ran + refused + late + cancelled + skipped }

        static func += (left: inout Sums, right: Sums) {
            left.submitted += right.submitted
            left.ran += right.ran
            left.refused += right.refused
            left.late += right.late
            left.cancelled += right.cancelled
            left.skipped += right.skipped
        }
    }

    let sums: Sums
    /// What is wrong, in words; empty when all is well.
    let findings: [String]

    /// Judges a round that has ended.
    ///
    /// - Parameters:
    ///   - isWhole: Whether the drain let everything that was taken on run to its end. Else a body of which nobody
    ///     hears may have been given up by the end of the runtime.
    ///   - snapshot: Taken after the drain, when nothing moves.
    init(_ entries: [StressEntry], isWhole: Bool, snapshot: RuntimeSnapshot) {
        var sums = Sums(submitted: entries.count)
        var findings: [String] = []
        var givenUp = Sums()
        for (number, entry) in entries.enumerated() {
            let (starts, ends) = (entry.startCount, entry.allEnds)
            func find(_ text: String) {
                findings.append("submit \(number), \(entry.kind.rawValue): \(text), began \(starts) times")
            }
            guard ends.count == 1, let end = ends.first else {
                find(ends.isEmpty ? "has no end" : "has \(ends.count) ends: \(ends)")
                continue
            }
            if starts > 1 { find("\(end)") }
            let mustNotBegin: Bool
            switch end {
            case .accepted:
                mustNotBegin = false
                if starts > 0 {
                    sums.ran += 1
                } else if entry.kind == .late {
                    sums.late += 1
                } else {
                    sums.cancelled += 1
                    if isWhole { find("was taken on and lost") }
                }
            case .succeeded, .failed:
                mustNotBegin = false
                sums.ran += 1
                if starts == 0 { find("\(end)") }
            case .refused(.late):
                mustNotBegin = true
                sums.late += 1
            case .refused:
                mustNotBegin = true
                sums.refused += 1
            case .withdrawn:
                mustNotBegin = true
                sums.cancelled += 1
            case .timedOut:
                mustNotBegin = !entry.kind.mayBeGivenUp
                sums.late += 1
                if starts > 0 { givenUp.late += 1 }
            case .cancelled:
                mustNotBegin = !entry.kind.mayBeGivenUp
                sums.cancelled += 1
                if starts > 0 { givenUp.cancelled += 1 }
            case .skipped:
                mustNotBegin = true
                sums.skipped += 1
            case .wrong(let text):
                mustNotBegin = false
                find(text)
            }
            if mustNotBegin, starts > 0 { find("\(end)") }
        }
        if findings.isEmpty, sums.settled != sums.submitted {
            findings.append("\(sums.submitted) submits and \(sums.settled) fates")
        }
        findings += Self.disagreements(sums, givenUp, snapshot)
        self.sums = sums
        self.findings = findings
    }

    /// The runtime's own counts beside ours. A body that began and was given up has an outcome by its handle, and may
    /// be counted by how it then ended: of these the sum must agree.
    private static func disagreements(_ sums: Sums, _ givenUp: Sums, _ snapshot: RuntimeSnapshot) -> [String] {
        let ran = Int(snapshot.tasksDone + snapshot.tasksFailed)
        let (late, cancelled) = (Int(snapshot.tasksLate), Int(snapshot.tasksCancelled))
        let skipped = Int(snapshot.tasksSkipped)
        let given = givenUp.late + givenUp.cancelled
        let counted = [
            ("ran", sums.ran, ran, 0...given),
            ("late", sums.late, late, -givenUp.late...givenUp.cancelled),
            ("cancelled", sums.cancelled, cancelled, -givenUp.cancelled...givenUp.late),
            ("skipped", sums.skipped, skipped, 0...0),
            ("taken on", sums.settled - sums.refused, ran + late + cancelled + skipped, 0...0),
        ]
        return counted.filter { !$0.3.contains($0.2 - $0.1) }.map { name, own, theirs, _ in
            "\(own) \(name) by the ledger, \(theirs) by the runtime, \(given) of them given up while they ran"
        }
    }
}
