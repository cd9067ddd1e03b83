import Foundation

/// Every test under ThreadSanitizer, then under AddressSanitizer with its leak checker and with traps for undefined
/// behaviour of C. Each sanitizer is first shown a program that it must reject, built with the same compiler.
struct SanitizersInstrument: Instrument {
    let name = "sanitizers"
    let lane = Lane.suites

    func run(_ context: Context, report: (Row) -> Void) throws {
        try reportProbes(context, report)
        try report(suite(context, "thread", target: "tsan", marks: ["WARNING: ThreadSanitizer"]))
        try report(
            suite(
                context, "address, leak, undefined", target: "asan",
                marks: ["ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "Illegal instruction"]))
    }

    /// All tests of the repository by a target of the Makefile.
    private func suite(_ context: Context, _ subject: String, target: String, marks: [String]) throws -> Row {
        let began = ContinuousClock.now
        // Make hands its variables on: these would be the options of `make verify`.
        let command = try Command.run(["make", target, "ARGS="], in: context.top, seconds: 1_500)
        let output = SuiteOutput(command)
        var found = output.findings(marks: marks)
        if !found.isEmpty {
            let log = try context.scratch(name).appendingPathComponent("\(target).log")
            try command.output.write(to: log, atomically: true, encoding: .utf8)
            found.append("all that it said: \(log.path)")
        }
        return Row(name, subject, cases: output.passed, "tests", found: found, began: began)
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
