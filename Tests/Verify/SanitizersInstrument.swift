import Foundation

/// Every test under ThreadSanitizer, then under AddressSanitizer with its leak checker and with traps for undefined
/// behaviour of C. Each sanitizer is first shown a program that it must reject, built with the same compiler.
struct SanitizersInstrument: Instrument {
    let name = "sanitizers"
    let lane = Lane.suites

    func run(_ context: Context, report: (Row) -> Void) throws {
        try reportProbes(context, report)
        let suites = context.suites
        try report(row(context, "thread", suites.thread, marks: ["WARNING: ThreadSanitizer"]))
        try report(
            row(
                context, "address, leak, undefined", suites.address,
                marks: ["ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "Illegal instruction"]))
    }

    /// What a run of all tests said.
    private func row(_ context: Context, _ subject: String, _ suite: SuiteRuns.Suite, marks: [String]) throws -> Row {
        let run = try suite.run(context)
        let output = SuiteOutput(run.command)
        var found = output.findings(marks: marks)
        if !found.isEmpty {
            let log = try context.scratch(name).appendingPathComponent("\(suite.target).log")
            try run.command.output.write(to: log, atomically: true, encoding: .utf8)
            found.append("all that it said: \(log.path)")
        }
        return Row(name, subject, cases: output.passed, "tests", found: found, took: run.took)
    }

    // MARK: - Probes

    /// A program with one bug, and how the sanitizer must end it.
    private struct Probe {
        let bug: String
        let flags: [String]
        let source: String
        /// What it prints; `nil` when it must be stopped by a trap.
        let mark: String?
    }

    private static let probes = [
        Probe(
            bug: "a data race", flags: ["-fsanitize=thread"],
            source: """
                #include <pthread.h>
                static int shared;
                static void *add(void *_) { for (int i = 0; i < 1000; i++) shared += 1; return _; }
                int main(void) {
                    pthread_t one, two;
                    pthread_create(&one, 0, add, 0);
                    pthread_create(&two, 0, add, 0);
                    pthread_join(one, 0);
                    pthread_join(two, 0);
                    return shared == 0;
                }
                """, mark: "WARNING: ThreadSanitizer: data race"),
        Probe(
            bug: "a use after free", flags: ["-fsanitize=address"],
            source: """
                #include <stdlib.h>
                int main(void) { volatile char *text = malloc(8); free((void *)text); return text[3]; }
                """, mark: "ERROR: AddressSanitizer: heap-use-after-free"),
        Probe(
            bug: "a leak", flags: ["-fsanitize=address"],
            source: """
                #include <stdlib.h>
                void *volatile held;
                int main(void) { held = malloc(48); held = 0; return 0; }
                """, mark: "ERROR: LeakSanitizer"),
        Probe(
            bug: "a signed overflow", flags: ["-fsanitize=undefined", "-fsanitize-trap=undefined"],
            source: """
                int main(int count, char **_) { return 2147483647 + count > 0 || _ == 0; }
                """, mark: nil),
    ]

    private func reportProbes(_ context: Context, _ report: (Row) -> Void) throws {
        let began = ContinuousClock.now
        let folder = try context.scratch(name)
        var found: [String] = []
        for probe in Self.probes {
            let source = folder.appendingPathComponent("probe.c")
            let program = folder.appendingPathComponent("probe")
            try (probe.source + "\n").write(to: source, atomically: true, encoding: .utf8)
            try Command.check(
                [Toolchain.clang, "-g", "-O0"] + probe.flags + [source.path, "-o", program.path, "-pthread"]
                    + Toolchain.sanitizerLibraries)
            let command = try Command.run([program.path], seconds: 60)
            let isSeen = probe.mark.map { command.output.contains($0) } ?? true
            if command.status == 0 || !isSeen { found.append("\(probe.bug) went unnoticed:\n\(command.lastLines(5))") }
        }
        report(Row(name, "planted bugs are seen", cases: UInt64(Self.probes.count), "bugs", found: found, began: began))
    }
}
