import Foundation

/// The whole test suite on one processor: what spins for another thread to go on, or counts on a second worker, stops
/// here.
///
/// Runs the suite that ``Coverage`` builds: counting changes nothing about what waits for whom, and a build less is
/// minutes less.
struct OneProcessor: Instrument {
    let name = "one-processor"
    let lane = Lane.suites

    func run(_ context: Context, report: (Row) -> Void) throws {
        let suite = Coverage.suite(try context.scratch(Coverage.folder))
        try Command.check(["swift", "build", "--build-tests"] + suite, in: context.top)
        let began = ContinuousClock.now
        let tests = ["taskset", "-c", try firstProcessor(), "swift", "test", "--skip-build", "--no-parallel"] + suite
        let command = try Command.run(tests, in: context.top, environment: Coverage.environment, seconds: 900)
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
