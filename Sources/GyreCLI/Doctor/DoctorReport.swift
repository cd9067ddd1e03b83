import GyreObserve

/// What `gyre doctor` prints.
struct DoctorReport: Sendable {
    let facts: DoctorFacts

    /// Facts one a line, then the warnings, each with what to do about it.
    func text(style: SnapshotTable.Style) -> String {
        let rows = self.rows
        let width = rows.map(\.name.count).max() ?? 0
        var text = ""
        for row in rows {
            text += row.name + String(repeating: " ", count: width - row.name.count) + "  \(row.value)\n"
        }
        let warnings = facts.warnings
        guard !warnings.isEmpty else { return text + "\nNothing here will hurt.\n" }
        text += "\n\(warnings.count) thing\(warnings.count == 1 ? "" : "s") will hurt:\n"
        for warning in warnings {
            let line = "warning: \(warning.text)"
            text += style == .plain ? line : "\u{1B}[33m\(line)\u{1B}[0m"
            text += "\n  do: \(warning.remedy)\n"
        }
        return text
    }

    /// The same as one JSON object.
    var jsonObject: JSONObject {
        var object = JSONObject()
        addMachine(to: &object)
        addLibraries(to: &object)
        object["warnings"] = .array(
            facts.warnings.map { warning in
                var object = JSONObject()
                object["code"] = .string(warning.code)
                object["text"] = .string(warning.text)
                object["remedy"] = .string(warning.remedy)
                return .object(object)
            })
        return object
    }

    private var rows: [(name: String, value: String)] {
        [
            ("kernel", "\(facts.kernelRelease), \(facts.machine)"),
            ("processor", facts.processor ?? "no name"),
            (
                "CPUs",
                "\(facts.onlineCPUs) online, \(facts.cores) cores, sockets: \(facts.packages), memory nodes: "
                    + "\(facts.numaNodes)"
            ),
            ("affinity", "\(facts.allowedCPUs.count) allowed: \(Self.ranges(facts.allowedCPUs))"),
            ("quota", quota),
            ("workers", "\(facts.effectiveParallelism) by default"),
            ("clock", clock),
            ("allocator", allocator),
            ("liburcu", liburcu),
            ("kernel features", kernelFeatures),
            ("frequency", facts.frequencyGovernor.map { "governor \($0)" } ?? "no governor"),
            ("huge pages", facts.transparentHugePages ?? "none"),
            ("timer slack", "\(grouped(facts.timerSlackNanoseconds)) ns"),
            ("load", load),
            ("build", facts.isDebugBuild ? "debug" : "release"),
        ]
    }

    private var quota: String {
        if facts.isQuotaMalformed && facts.quota == nil { return "not understood" }
        guard let quota = facts.quota else { return "none" }
        return "\(oneDecimal(quota.cpus)) CPUs, cgroup v\(quota.cgroupVersion), group \(quota.group)"
    }

    private var clock: String {
        let drift = Double(facts.clockDriftPartsPerBillion.magnitude) / 1_000
        let sign = facts.clockDriftPartsPerBillion < 0 ? "-" : "+"
        return "\(facts.clockSource), step \(grouped(facts.clockStepNanoseconds)) ns, a read "
            + "\(oneDecimal(facts.clockReadNanoseconds)) ns, drift \(sign)\(oneDecimal(drift)) ppm, the kernel reads "
            + (facts.kernelClockSource ?? "an unknown source")
    }

    private var allocator: String {
        var text = facts.allocator.rawValue
        if let path = facts.allocatorPath { text += " (\(path))" }
        if let allocated = facts.jemallocAllocatedBytes, let resident = facts.jemallocResidentBytes {
            text += ", \(grouped(UInt64(allocated))) bytes allocated, \(grouped(UInt64(resident))) resident"
        }
        return text
    }

    /// The read-side flavour follows from the library: liburcu itself is the one that uses membarrier.
    private var liburcuFlavour: String? {
        let flavours = [
            ("liburcu-memb.", "memb"), ("liburcu.", "memb"), ("liburcu-bp.", "bp"), ("liburcu-mb.", "mb"),
            ("liburcu-qsbr.", "qsbr"), ("liburcu-signal.", "signal"),
        ]
        return flavours.first { flavour in facts.liburcuFiles.contains { $0.hasPrefix(flavour.0) } }?.1
    }

    private var liburcu: String {
        guard !facts.liburcuFiles.isEmpty else { return "linked statically" }
        let flavour = liburcuFlavour.map { "flavour \($0)" } ?? "no read-side flavour"
        return "\(flavour): \(facts.liburcuFiles.joined(separator: ", "))"
    }

    private var kernelFeatures: String {
        [("futex", facts.hasFutex), ("membarrier", facts.hasMembarrier), ("rseq", facts.hasRestartableSequences)]
            .map { $0.1 ? $0.0 : "no \($0.0)" }.joined(separator: ", ")
    }

    private var load: String {
        let load = facts.loadAverage.map { "\(oneDecimal($0)) threads in the last minute" } ?? "unknown"
        return facts.stealPercent.map { "\(load), \(oneDecimal($0)) % stolen by the hypervisor since boot" } ?? load
    }

    private func addMachine(to object: inout JSONObject) {
        object["kernel_release"] = .string(facts.kernelRelease)
        object["machine"] = .string(facts.machine)
        object["processor"] = Self.json(facts.processor)
        object["cpus_online"] = .integer(UInt64(facts.onlineCPUs))
        object["cores"] = .integer(UInt64(facts.cores))
        object["packages"] = .integer(UInt64(facts.packages))
        object["numa_nodes"] = .integer(UInt64(facts.numaNodes))
        object["cpus_allowed"] = .array(facts.allowedCPUs.map { .integer(UInt64($0)) })
        object["quota_cpus"] = facts.quota.map { .number($0.cpus) } ?? .null
        object["quota_cgroup_version"] = facts.quota.map { .integer(UInt64($0.cgroupVersion)) } ?? .null
        object["quota_group"] = Self.json(facts.quota?.group)
        object["quota_is_malformed"] = .bool(facts.isQuotaMalformed)
        object["workers_default"] = .integer(UInt64(facts.effectiveParallelism))
        object["clock_source"] = .string(facts.clockSource)
        object["clock_step_nanoseconds"] = .integer(facts.clockStepNanoseconds)
        object["clock_read_nanoseconds"] = .number((facts.clockReadNanoseconds * 100).rounded() / 100)
        object["clock_drift_parts_per_billion"] = .signed(facts.clockDriftPartsPerBillion)
        object["kernel_clock_source"] = Self.json(facts.kernelClockSource)
    }

    private func addLibraries(to object: inout JSONObject) {
        object["allocator"] = .string(facts.allocator.rawValue)
        object["allocator_path"] = Self.json(facts.allocatorPath)
        object["jemalloc_allocated_bytes"] = facts.jemallocAllocatedBytes.map { .integer(UInt64($0)) } ?? .null
        object["jemalloc_resident_bytes"] = facts.jemallocResidentBytes.map { .integer(UInt64($0)) } ?? .null
        object["liburcu_flavour"] = Self.json(liburcuFlavour)
        object["liburcu_files"] = .array(facts.liburcuFiles.map { .string($0) })
        object["has_futex"] = .bool(facts.hasFutex)
        object["has_membarrier"] = .bool(facts.hasMembarrier)
        object["has_rseq"] = .bool(facts.hasRestartableSequences)
        object["frequency_governor"] = Self.json(facts.frequencyGovernor)
        object["transparent_huge_pages"] = Self.json(facts.transparentHugePages)
        object["timer_slack_nanoseconds"] = .integer(facts.timerSlackNanoseconds)
        object["load_average"] = facts.loadAverage.map { .number($0) } ?? .null
        object["steal_percent"] = facts.stealPercent.map { .number(($0 * 100).rounded() / 100) } ?? .null
        object["throttled_periods"] = facts.throttledPeriods.map { .integer($0) } ?? .null
        object["is_debug_build"] = .bool(facts.isDebugBuild)
    }

    private static func json(_ text: String?) -> JSONValue {
        text.map { .string($0) } ?? .null
    }

    /// `0-3, 8` for 0, 1, 2, 3 and 8.
    static func ranges(_ numbers: [Int]) -> String {
        var ranges: [ClosedRange<Int>] = []
        for number in numbers {
            if let last = ranges.last, last.upperBound + 1 == number {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            .joined(separator: ", ")
    }
}
