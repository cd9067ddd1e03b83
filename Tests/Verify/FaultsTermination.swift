import Foundation
import Synchronization

/// SIGTERM at random moments of the demo: it leaves the complete decisions or none, and nothing beside them.
struct TerminationFault {
    let program: String
    let context: Context

    private struct Ending {
        let status: Int32
        let isSignal: Bool
        let names: [String]
        let isWhole: Bool
    }

    func run(name: String, report: (Row) -> Void) throws {
        let began = ContinuousClock.now
        let folder = try context.scratch("faults-termination")
        let reference = folder.appendingPathComponent("reference")
        // The first run finds nothing in the caches of the system; moments are chosen from what the others take.
        let durations = try (0..<3).map { _ in
            let began = ContinuousClock.now
            try Command.check([program] + arguments(out: reference.path), in: context.top)
            return began.duration(to: .now)
        }
        let expected = try Data(contentsOf: reference)
        let nanoseconds = (durations.min() ?? .zero) / .nanoseconds(1)

        var random = SeededChance(state: context.seed)
        let moments = context.size == .ci ? 200 : 5_000
        // A little beyond the end, so that some come when the file is written, and some too late.
        let delays = (0..<moments).map { _ in random.unit() * nanoseconds * 1.2 }
        let endings = Mutex<[Result<Ending, any Error>]>([])
        let next = Atomic<Int>(0)
        onThreads(context.permits.count) { _ in
            while true {
                let moment = next.add(1, ordering: .relaxed).oldValue
                guard moment < moments else { return }
                let ending = Result {
                    try terminate(moment, after: delays[moment], in: folder, expected: expected)
                }
                endings.withLock { $0.append(ending) }
            }
        }
        let all = try endings.withLock { $0 }.map { try $0.get() }
        report(
            Row(
                name, "SIGTERM at random moments of the demo", cases: UInt64(moments),
                "moments, \(all.count { $0.status == 0 && !$0.isSignal }) done, "
                    + "\(all.count { $0.status == 4 && !$0.isSignal }) interrupted, "
                    + "\(all.count { $0.isSignal }) before it listens",
                found: judge(all), began: began))
    }

    private func arguments(out: String) -> [String] {
        ["demo", "storefront", "--repeat", "1", "--remote", "100", "--workers", "2", "--out", out]
    }

    /// The folder holds nothing but what this run left.
    private func terminate(_ moment: Int, after nanoseconds: Double, in folder: URL, expected: Data) throws -> Ending {
        let own = folder.appendingPathComponent("moment-\(moment)")
        try? FileManager.default.removeItem(at: own)  // of an earlier run that was itself ended
        try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
        let out = own.appendingPathComponent("decisions")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments(out: out.path)
        process.currentDirectoryURL = context.top
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(nanoseconds)
        while process.isRunning, DispatchTime.now().uptimeNanoseconds < end {
            let left = end - min(end, DispatchTime.now().uptimeNanoseconds)
            _ = poll(nil, 0, Int32(min(left / 1_000_000, 20)))
        }
        process.terminate()
        process.waitUntilExit()
        let names = try FileManager.default.contentsOfDirectory(atPath: own.path).sorted()
        let isWhole = names == ["decisions"] ? try Data(contentsOf: out) == expected : false
        try FileManager.default.removeItem(at: own)
        return Ending(
            status: process.terminationStatus, isSignal: process.terminationReason == .uncaughtSignal, names: names,
            isWhole: isWhole)
    }

    private func judge(_ endings: [Ending]) -> [String] {
        endings.compactMap { ending in
            let end = ending.isSignal ? "signal \(ending.status)" : "status \(ending.status)"
            if !ending.names.isEmpty, !ending.isWhole {
                return "ended with \(end) and left \(ending.names.joined(separator: ", ")), not the whole decisions"
            }
            switch (ending.isSignal, ending.status) {
            case (false, 0): return ending.isWhole ? nil : "ended with \(end) and no decisions"
            case (false, 4), (true, SIGTERM): return nil
            default: return "ended with \(end), which is not documented"
            }
        }
    }
}

/// Chance that follows from a seed (splitmix64).
struct SeededChance {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    /// From 0 to below 1.
    mutating func unit() -> Double { Double(next() >> 11) / Double(1 << 53) }
}
