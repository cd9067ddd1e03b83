import Foundation

/// Parsers, writers and structures under inputs that libFuzzer makes, guided by the code they reach, with the address
/// sanitizer. What each target checks stands in its source in Tests/Fuzz; its seeds are in the tree too.
///
/// A target with a planted bug shows that the fuzzer finds: it fails when it does not.
struct Fuzz: Instrument {
    let name = "fuzz"
    let givesWay = true

    func run(_ context: Context, report: (Row) -> Void) throws {
        let began = ContinuousClock.now
        let workshop = try FuzzWorkshop(context)
        try workshop.buildLibraries()
        let targets = FuzzTarget.all
        let programs = try inParallel(targets, context.permits) { try workshop.build($0) }
        let sources = UInt64(targets.count)
        report(Row(name, "targets, compiled", cases: sources, "programs", began: began))

        let seconds = context.size == .ci ? 20 : 1_800
        // Six at once, whatever else goes on: they end by the clock, and what a suite leaves idle is theirs.
        let rows = try inParallel(Array(zip(targets, programs)), Permits(6)) { target, program in
            try fuzz(target, program, workshop, seconds: seconds, seed: context.seed)
        }
        rows.forEach(report)
    }

    private func fuzz(
        _ target: FuzzTarget, _ program: URL, _ workshop: FuzzWorkshop, seconds: Int, seed: UInt64
    ) throws -> Row {
        let began = ContinuousClock.now
        // New inputs go to the first folder, so that the tree keeps the seeds that it has.
        let inputs = try workshop.emptyFolder("inputs/\(target.name)")
        let crashes = try workshop.emptyFolder("crashes/\(target.name)")
        let seeds = workshop.seeds(of: target)
        guard !(try FileManager.default.contentsOfDirectory(atPath: seeds.path)).isEmpty else {
            throw Command.Failure(description: "no seeds in \(seeds.path)")
        }
        // A planted bug is found at once; how long that is on a busy machine is not the question.
        let limit = target.planted == nil ? seconds : 10 * seconds
        let command = try Command.run(
            [
                program.path, inputs.path, seeds.path, "-max_total_time=\(limit)", "-timeout=60",
                "-rss_limit_mb=2048", "-max_len=\(target.bytesMax)", "-seed=\(seed % 0xFFFF_FFFF + 1)",
                "-print_final_stats=1", "-artifact_prefix=\(crashes.path)/",
            ],
            environment: Self.environment, seconds: limit + 120)
        let found = try FileManager.default.contentsOfDirectory(at: crashes, includingPropertiesForKeys: nil)
        var findings: [String] = []
        if target.planted != nil {
            if let input = found.first, command.status != 0 {
                // What the shipped code fails on too was not found because of the plant.
                let shipped = workshop.program(target.original).path
                let replay = try Command.run([shipped, input.path], environment: Self.environment, seconds: 60)
                if replay.status != 0 { findings.append("the shipped code fails too: \(shipped) \(input.path)") }
            } else {
                findings.append("the planted bug was not found: \(program.path)")
            }
        } else if let input = found.first {
            findings = ["\(input.path); replay: SWIFT_BACKTRACE=enable=no \(program.path) \(input.path)"]
            findings += command.output.split(separator: "\n").filter(Self.isTelling).prefix(5).map(String.init)
        } else if command.status != 0 {
            findings = ["the fuzzer ended with status \(command.status)", command.lastLines(5)]
        }
        let executed = Self.executions(command.output)
        if findings.isEmpty, target.planted == nil, executed == 0 { findings = ["nothing was executed"] }
        return Row(name, target.subject, cases: executed, "executions", found: findings, began: began)
    }

    /// A crash under the sanitizer would otherwise be taken apart for minutes.
    private static let environment = ["SWIFT_BACKTRACE": "enable=no"]

    private static func isTelling(_ line: Substring) -> Bool {
        line.contains("Fatal error") || line.contains("ERROR:") || line.contains("SUMMARY:") || line.contains(" #0 ")
    }

    /// The last count that the fuzzer printed: the final statistics, or that of a status line where it crashed.
    private static func executions(_ output: String) -> UInt64 {
        let mark = "stat::number_of_executed_units:"
        for line in output.split(separator: "\n") where line.hasPrefix(mark) {
            return UInt64(line.dropFirst(mark.count).trimmingCharacters(in: .whitespaces)) ?? 0
        }
        return output.split(separator: "\n").compactMap { line in
            line.hasPrefix("#") ? UInt64(line.dropFirst().prefix { $0.isNumber }) : nil
        }.max() ?? 0
    }
}
