import Foundation

/// The whole test suite on one processor: what spins for another thread to go on, or counts on a second worker, stops
/// here.
///
/// In the plain build of `make test`, which most who come here have already.
struct OneProcessor: Instrument {
    let name = "one-processor"
    // Kept to one processor, it is a program like another, and the two sanitizers take as long as everything else.
    let lane = Lane.programs

    func run(_ context: Context, report: (Row) -> Void) throws {
        try Command.check(["swift", "build", "--build-tests"], in: context.top)
        let began = ContinuousClock.now
        let tests = ["taskset", "-c", try firstProcessor(), "make", "test", "ARGS=--skip-build"]
        let command = try context.permits.holding {
            try Command.run(tests, in: context.top, environment: SuiteRuns.environment, seconds: SuiteRuns.secondsMax)
        }
        let output = SuiteOutput(command)
        report(
            Row(
                name, "the test suite", cases: output.passed, "tests passed", found: output.findings(), began: began))
    }

    /// 0, unless this program is kept away from it.
    private func firstProcessor() throws -> String {
        let key = "Cpus_allowed_list:"
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let list = status.split(separator: "\n").first { $0.hasPrefix(key) }?.dropFirst(key.count)
        let first = list?.drop { !$0.isNumber }.prefix { $0.isNumber }
        guard let first, !first.isEmpty else { throw Command.Failure(description: "no \(key) in /proc/self/status") }
        return String(first)
    }
}
