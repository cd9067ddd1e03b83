import Gyre
import GyreObserve

/// What the demo says about a run: for a person, or as one JSON object.
struct StorefrontReport: Sendable {
    let input: String
    let log: PurchaseLog
    let workers: Int
    let pinning: Pinning
    let summary: StorefrontRun.Summary
    let snapshot: RuntimeSnapshot

    /// How the process ends.
    var exitStatus: ExitStatus {
        if summary.trouble != nil || snapshot.tasksFailed > 0 || snapshot.tasksSkipped > 0 { return .taskFailed }
        return summary.signal == nil ? .done : .interrupted
    }

    /// What to say on standard error when all is not well.
    var complaint: String? {
        switch exitStatus {
        case .taskFailed: summary.trouble ?? "\(snapshot.tasksFailed) tasks failed"
        case .interrupted:
            "interrupted by signal \(summary.signal ?? 0): everything that was submitted has ended, "
                + "and no decisions are written"
        default: nil
        }
    }

    func text(style: SnapshotTable.Style) -> String {
        """
        \(input): \(grouped(UInt64(log.purchases.count))) purchases of \(grouped(UInt64(log.customerCount))) customers
        \(grouped(UInt64(summary.passes))) pass\(summary.passes == 1 ? "" : "es"), \
        \(grouped(UInt64(summary.purchases))) graphs of \
        \(StorefrontGraph.tasksPerPurchase) tasks in \(oneDecimal(seconds(summary.elapsed))) s on \(workers) \
        worker\(workers == 1 ? "" : "s"), pinning \(pinning.rawValue)

        \(SnapshotTable(snapshot, over: summary.elapsed).text(style: style))
        """
    }

    var jsonObject: JSONObject {
        var object = JSONObject()
        object["workload"] = .string("storefront")
        object["input"] = .string(input)
        object["purchases"] = .integer(UInt64(log.purchases.count))
        object["customers"] = .integer(UInt64(log.customerCount))
        object["passes"] = .integer(UInt64(summary.passes))
        object["graphs"] = .integer(UInt64(summary.purchases))
        object["elapsed_nanoseconds"] = .integer(summary.elapsed.wholeNanoseconds)
        object["worker_count"] = .integer(UInt64(workers))
        object["pinning"] = .string(pinning.rawValue)
        object["interrupted_by_signal"] = summary.signal.map { .signed(Int64($0)) } ?? .null
        object["trouble"] = summary.trouble.map { .string($0) } ?? .null
        object.merge(snapshot.jsonObject(over: summary.elapsed))
        return object
    }

    /// What the progress line says.
    static func progress(_ summary: StorefrontRun.Summary, purchases: Int) -> String {
        let inPass = summary.purchases - summary.passes * purchases
        let tasks = Double(summary.purchases * StorefrontGraph.tasksPerPurchase)
        let elapsed = seconds(summary.elapsed)
        let rate = elapsed > 0 ? oneDecimal(tasks * 60 / elapsed / 1e6) : "-"
        return "pass \(summary.passes + 1)  \(inPass * 100 / max(1, purchases)) %  \(oneDecimal(elapsed)) s  "
            + "\(rate) million tasks per minute"
    }
}

private func seconds(_ duration: Duration) -> Double {
    Double(duration.wholeNanoseconds) / 1e9
}
