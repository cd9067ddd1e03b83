#if CLI
import Gyre
import GyreObserve

/// What the demo says about a run over services: for a person, or as a JSON object.
struct ShopReport: Sendable {
    let summary: ShopRun.Summary
    let isChaos: Bool
    let seed: UInt64

    /// How the process ends. Purchases that fail are what chaos is about; without it none may.
    var exitStatus: ExitStatus {
        if summary.trouble != nil || (!isChaos && summary.account.failed > 0) { return .taskFailed }
        return summary.signal == nil ? .done : .interrupted
    }

    /// What to say on standard error when all is not well.
    var complaint: String? {
        switch exitStatus {
        case .taskFailed: summary.trouble ?? "\(summary.account.failed) purchases failed at healthy services"
        case .interrupted:
            "interrupted by signal \(summary.signal ?? 0): each purchase that was submitted is accounted for, and no "
                + "decisions are written"
        default: nil
        }
    }

    var text: String {
        let account = summary.account
        let heading =
            "stock and price over HTTP, \(isChaos ? "chaos" : "calm"), seed \(seed): "
            + "\(grouped(UInt64(account.submitted))) purchases, \(grouped(summary.answersCount)) answers "
            + "in \(oneDecimal(Double(summary.elapsed.wholeNanoseconds) / 1e9)) s"
        return ([heading, ""] + accountLines + [""] + dependencyLines + remarkLines).map { $0 + "\n" }.joined()
    }

    private var accountLines: [String] {
        var table = TextTable()
        for (end, count) in summary.account.sums { table.append([end.description, grouped(count)]) }
        table.append(["in all", grouped(summary.account.sum)])
        var lines = table.lines
        lines[lines.count - 1] += "  of \(grouped(UInt64(summary.account.submitted)))"
        return lines
    }

    private var dependencyLines: [String] {
        var table = TextTable()
        table.append(["dependency", "calls", "admitted", "attempts", "retries", "answered", "failed", "by policy"])
        for (service, tally) in summary.tallies {
            let counts = [
                tally.calls, tally.admitted, tally.attempts, tally.retries, tally.answered,
                tally.failed.values.reduce(0, +), tally.endedByPolicy.values.reduce(0, +),
            ]
            table.append([service.rawValue] + counts.map(grouped))
        }
        return table.lines
    }

    /// For each dependency, what the columns do not say.
    private var remarkLines: [String] {
        summary.tallies.flatMap { service, tally -> [String] in
            var lines: [String] = []
            if !tally.attemptsFailed.isEmpty { lines.append("attempts failed: \(Self.list(tally.attemptsFailed))") }
            if !tally.endedByPolicy.isEmpty { lines.append("by policy: \(Self.list(tally.endedByPolicy))") }
            if tally.modes.count > 1 { lines.append("breaker: \(Self.transitions(tally.modes))") }
            return lines.map { "\(service.rawValue): \($0)" }
        }
    }

    private static func list<Key: CustomStringConvertible>(_ counts: [Key: UInt64]) -> String {
        counts.map { (name: $0.key.description, count: $0.value) }
            .sorted { ($1.count, $0.name) < ($0.count, $1.name) }
            .map { "\($0.name) \(grouped($0.count))" }.joined(separator: ", ")
    }

    /// The first modes; of many, their number too.
    private static func transitions(_ modes: [BreakerMode]) -> String {
        let shown = modes.prefix(7).map { String(describing: $0) }.joined(separator: " → ")
        guard modes.count > 7, let last = modes.last else { return shown }
        return "\(shown) → …, \(modes.count - 1) transitions, \(last) at the end"
    }

    var jsonObject: JSONObject {
        var object = JSONObject()
        object["weather"] = .string(isChaos ? "chaos" : "calm")
        object["seed"] = .integer(seed)
        object["purchases"] = .integer(UInt64(summary.account.submitted))
        object["elapsed_nanoseconds"] = .integer(summary.elapsed.wholeNanoseconds)
        object["answers"] = .integer(summary.answersCount)
        object["sum"] = .integer(summary.account.sum)
        object["ends"] = .object(Self.object(summary.account.sums.map { ($0.end.description, $0.count) }))
        object["dependencies"] = .array(
            summary.tallies.map { service, tally in
                var own = JSONObject()
                own["name"] = .string(service.rawValue)
                own["calls"] = .integer(tally.calls)
                own["admitted"] = .integer(tally.admitted)
                own["attempts"] = .integer(tally.attempts)
                own["retries"] = .integer(tally.retries)
                own["answered"] = .integer(tally.answered)
                own["failed"] = .object(Self.object(tally.failed.map { ($0.key.description, $0.value) }))
                own["ended_by_policy"] = .object(
                    Self.object(tally.endedByPolicy.map { ($0.key.description, $0.value) }))
                own["attempts_failed"] = .object(
                    Self.object(tally.attemptsFailed.map { ($0.key.description, $0.value) }))
                own["breaker_modes"] = .array(tally.modes.map { .string(String(describing: $0)) })
                return .object(own)
            })
        object["interrupted_by_signal"] = summary.signal.map { .signed(Int64($0)) } ?? .null
        object["trouble"] = summary.trouble.map { .string($0) } ?? .null
        return object
    }

    private static func object(_ counts: [(String, UInt64)]) -> JSONObject {
        var object = JSONObject()
        for (name, count) in counts.sorted(by: { $0.0 < $1.0 }) { object[name] = .integer(count) }
        return object
    }
}
#endif
