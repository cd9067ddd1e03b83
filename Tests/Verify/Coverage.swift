import Foundation

/// How much of the code the test suite runs: every branch of CGyre, and nine lines of ten in GyreCore,
/// GyrePolicy and Gyre. The run is that of `make asan`, which counts (``SuiteRuns``).
///
/// A branch that was not taken is a finding unless ``CoverageException/table`` says why no test can take it. Swift code
/// has no branch counts: the compiler tells lines only.
struct Coverage: Instrument {
    let name = "coverage"
    let lane = Lane.suites

    static let folderOfC = "CSupport/gyre/"
    static let modules = ["GyreCore", "GyrePolicy", "Gyre"]
    static let linesMin = 0.9

    func run(_ context: Context, report: (Row) -> Void) throws {
        let suite = try runSuite(context, report: report)
        let began = ContinuousClock.now
        let export = try export(suite, context)
        let branches = export.branches(in: Self.folderOfC, top: context.top)
        let verdict = CoverageVerdict(branches, exceptions: CoverageException.table)
        for (file, count) in verdict.outcomes.sorted(by: { $0.key < $1.key }) {
            report(
                Row(
                    name, Self.folderOfC + file, cases: count, "branch outcomes", found: verdict.missed[file] ?? [],
                    began: began))
        }
        let stale = verdict.staleExceptions
        let exceptions = UInt64(CoverageException.table.count)
        report(Row(name, "exceptions, each with its reason", cases: exceptions, "lines", found: stale, began: began))
        for module in Self.modules { report(lines(of: module, export, context, began)) }
        report(itself(branches, began))
    }

    // MARK: - Running

    /// The program whose code was counted, and its counts.
    private struct Suite {
        let program: URL
        let counts: URL
    }

    private func runSuite(_ context: Context, report: (Row) -> Void) throws -> Suite {
        let run = try context.suites.address.run(context)
        let output = SuiteOutput(run.command)
        let subject = "the suite under AddressSanitizer, counted"
        report(Row(name, subject, cases: output.passed, "tests", found: output.findings(), took: run.took))

        let folder = context.suites.address.products(context)
        let raw = SuiteRuns.counts(in: folder)
        let counts = try context.scratch(name).appendingPathComponent("all.profdata")
        guard FileManager.default.fileExists(atPath: raw.path) else {
            throw Command.Failure(description: "the suite left no counts:\n\(run.command.lastLines(10))")
        }
        let files = try FileManager.default.contentsOfDirectory(at: raw, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "profraw" }.map(\.path)
        guard !files.isEmpty else { throw Command.Failure(description: "no counts in \(raw.path)") }
        // Tests kill programs on purpose, which leaves cut-off counts: only if no file can be read is that a failure.
        let merge = [Toolchain.program("llvm-profdata"), "merge", "--failure-mode=all", "-sparse"]
        try Command.check(merge + ["-o", counts.path] + files)
        return Suite(program: folder.appendingPathComponent("gyrePackageTests.xctest"), counts: counts)
    }

    private func export(_ suite: Suite, _ context: Context) throws -> CoverageExport {
        let file = try context.scratch(name).appendingPathComponent("coverage.json")
        // Through a file: what the tool has to say of cut-off counts must not stand in the middle of it.
        let command = [
            Toolchain.program("llvm-cov"), "export", suite.program.path, "-instr-profile=\(suite.counts.path)",
            "-skip-functions", "-ignore-filename-regex=(Tests|\\.build[^/]*)/",
        ]
        try Command.check(["sh", "-c", "exec \"$@\" > \"$0\"", file.path] + command)
        return try CoverageExport(json: Data(contentsOf: file))
    }

    // MARK: - Judging

    private func lines(
        of module: String, _ export: CoverageExport, _ context: Context, _ began: ContinuousClock.Instant
    ) -> Row {
        let (count, covered) = export.lines(in: "Sources/\(module)/", top: context.top)
        let share = count == 0 ? 0 : Double(covered) / Double(count)
        let percent = String(format: "%.1f %%", share * 100)
        let found = share >= Self.linesMin ? [] : ["\(covered) of \(count) lines ran"]
        return Row(name, "\(module): \(percent) of lines", cases: UInt64(count), "lines", found: found, began: began)
    }

    /// The check must not pass what it is there to find: a branch whose exception is missing, and an exception whose
    /// line is gone.
    private func itself(_ branches: [CoverageBranch], _ began: ContinuousClock.Instant) -> Row {
        var found: [String] = []
        let table = CoverageException.table
        let steady = table.filter { !$0.isSometimes }
        for exception in steady {
            let others = table.filter { $0 != exception }
            if CoverageVerdict(branches, exceptions: others).missed[exception.file] == nil {
                found.append("without the exception for '\(exception.line)' nothing is missed")
            }
        }
        let gone = CoverageException("gyre_ring.c", "no such line", 1, "planted")
        if !CoverageVerdict(branches, exceptions: table + [gone]).staleExceptions.contains(where: {
            $0.contains(gone.line)
        }) {
            found.append("an exception for a line that does not exist is not noticed")
        }
        let cases = UInt64(steady.count + 1)
        return Row(name, "the check itself: planted gaps", cases: cases, "gaps", found: found, began: began)
    }
}
