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
        let tests = ["taskset", "-c", "0", "swift", "test", "--skip-build", "--no-parallel"] + suite
        let command = try Command.run(tests, in: context.top, environment: Coverage.environment, seconds: 900)
        let output = SuiteOutput(command)
        report(
            Row(
                name, "the test suite", cases: output.passed, "tests passed", found: output.findings(), began: began))
    }
}
