import Foundation

/// One program that libFuzzer drives.
struct FuzzTarget: Sendable {
    /// A bug that is put into a copy of a source.
    struct Planted: Sendable {
        /// From the top of the repository.
        let file: String
        let code: String
        let replacement: String
    }

    /// Names the program, and its folder of seeds.
    let name: String
    let subject: String
    /// Files in Tests/Fuzz. One of C, or several of Swift.
    let sources: [String]
    /// Shipped files that are compiled into the same module, from the top of the repository.
    var shipped: [String] = []
    /// Our modules that are linked, each after those that it imports.
    var modules: [String] = []
    var bytesMax = 4_096
    var planted: Planted?

    var isC: Bool { sources.contains { $0.hasSuffix(".c") } }
    /// The target that one with a planted bug is a copy of: it has that one's seeds.
    var original: String { name.components(separatedBy: "-planted")[0] }

    private func planted(_ file: String, _ code: String, _ replacement: String, _ what: String) -> FuzzTarget {
        FuzzTarget(
            name: name + "-planted", subject: "\(subject), planted: \(what)", sources: sources, shipped: shipped,
            modules: modules, bytesMax: bytesMax,
            planted: Planted(file: file, code: code, replacement: replacement))
    }

    // MARK: - All of them

    private static let storefront = "Sources/GyreCLI/Storefront/"
    private static let rules = ["Purchase", "Catalogue", "StorefrontRules", "DecisionLine"]
        .map { "\(storefront)\($0).swift" }

    private static let purchaseLog = FuzzTarget(
        name: "purchase-log", subject: "purchase logs, their rules and lines",
        sources: ["Bytes.swift", "CheckLine.swift", "PurchaseLogs.swift"],
        shipped: rules + ["\(storefront)PurchaseLog.swift", "\(storefront)PurchaseLogParser.swift", systemError])
    private static let systemError = "Sources/GyreCLI/SystemError.swift"
    private static let condition = FuzzTarget(
        name: "condition", subject: "conditions of --fail-if", sources: ["Bytes.swift", "Conditions.swift"],
        modules: ["GyreCore", "GyreBench"], bytesMax: 64)
    private static let cron = FuzzTarget(
        name: "cron", subject: "cron expressions: typed error, or due later and later",
        sources: ["Bytes.swift", "CronExpressions.swift"],
        shipped: ["CivilTime", "CronExpression", "CronParser"].map { "Sources/GyrePolicy/\($0).swift" }, bytesMax: 300)
    private static let cpuHost = FuzzTarget(
        name: "cpu-host", subject: "CPU lists, processor and kernel settings", sources: ["CPUHost.c"])
    private static let timerWheel = FuzzTarget(
        name: "timer-wheel", subject: "timer wheel against a list", sources: ["TimerWheel.c"])

    static let all: [FuzzTarget] = [
        purchaseLog.planted(
            "\(storefront)PurchaseLogParser.swift",
            "guard column.end - column.start <= digitsMax, let value", "guard let value",
            "numbers of any length"),
        cpuHost.planted(
            "CSupport/gyre/gyre_cpu_host.c", "if (length >= bytes) length = bytes - 1;",
            "if (length >= 4 * bytes) length = 4 * bytes;", "copies of four times the room"),
        timerWheel.planted(
            "CSupport/gyre/gyre_timer.c", "return (int32_t)later > 0;", "return (int32_t)later < 0;",
            "equal times in reverse"),
        purchaseLog,
        condition,
        cron.planted(
            "Sources/GyrePolicy/CronParser.swift", "guard low <= high else {", "guard low <= high + 1 else {",
            "a range that runs backwards by one"),
        cron,
        FuzzTarget(
            name: "decision-line", subject: "decision lines at the limits of their numbers",
            sources: ["Bytes.swift", "CheckLine.swift", "DecisionLines.swift"], shipped: rules),
        FuzzTarget(
            name: "cpu-quota", subject: "mount table, membership and limits of control groups",
            sources: ["CPUQuota.c"], bytesMax: 16_384),
        cpuHost,
        FuzzTarget(name: "clock-source", subject: "words of the clock sources", sources: ["ClockSource.c"]),
        FuzzTarget(
            name: "histogram", subject: "histograms and their percentile text",
            sources: ["Bytes.swift", "Histogram.swift"], modules: ["GyreCore"]),
        FuzzTarget(
            name: "json", subject: "JSON writer, read back by Foundation",
            sources: ["Bytes.swift", "JSONWriter.swift"],
            shipped: ["Sources/GyreObserve/JSONObject.swift"]),
        timerWheel,
        FuzzTarget(
            name: "graph", subject: "graph builder: typed error or a plan in order",
            sources: ["Bytes.swift", "Graphs.swift"], modules: ["GyreCore", "GyrePolicy", "Gyre"]),
    ]
}
