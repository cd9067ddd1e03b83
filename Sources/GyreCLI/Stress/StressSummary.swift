import Gyre
import GyreObserve

/// What all rounds came to.
struct StressSummary {
    let seed: UInt64
    private(set) var rounds = 0
    private(set) var sums = StressLedger.Sums()
    /// Of the round that failed; empty when none did.
    private(set) var findings: [String] = []
    private var failed: StressPlan?

    init(seed: UInt64) { self.seed = seed }

    mutating func add(_ ledger: StressLedger, of plan: StressPlan) {
        rounds += 1
        sums += ledger.sums
        guard findings.isEmpty, !ledger.findings.isEmpty else { return }
        findings = ledger.findings
        failed = plan
    }

    func progress(after elapsed: Duration) -> String {
        "round \(rounds)  \(grouped(UInt64(sums.submitted))) submits  \(seconds(elapsed)) s"
    }

    func text(after elapsed: Duration) -> String {
        var table = TextTable()
        for (name, count) in [
            ("submitted", sums.submitted), ("ran", sums.ran), ("refused", sums.refused), ("late", sums.late),
            ("cancelled", sums.cancelled), ("skipped", sums.skipped), ("findings", findings.count),
        ] { table.append([name, grouped(UInt64(count))]) }
        let head = "seed \(seed), \(grouped(UInt64(rounds))) round\(rounds == 1 ? "" : "s") in \(seconds(elapsed)) s"
        return ([head, ""] + table.lines).map { $0 + "\n" }.joined()
    }

    /// The first findings, and how to look for them again.
    var complaint: String {
        let shown = findings.prefix(10).joined(separator: "\n")
        let more = findings.count > 10 ? "\nand \(findings.count - 10) more" : ""
        guard let failed else { return shown }
        return "round \(failed.round): \(shown)\(more)\nreplay: \(Self.replayLine(failed))"
    }

    /// Repeats the round: the same submits, on a runtime of the same shape.
    static func replayLine(_ plan: StressPlan) -> String {
        "gyre stress --seed \(plan.seed) --round \(plan.round) --minutes 1"
    }

    private func seconds(_ duration: Duration) -> String { oneDecimal(Double(duration.wholeNanoseconds) / 1e9) }
}
