import Foundation

/// The whole test suite on one processor: what spins for another thread to go on, or counts on a second worker, stops
/// here.
struct OneProcessorFault {
    let context: Context

    func run(name: String, report: (Row) -> Void) throws {
        try Command.check(["swift", "build", "--build-tests"], in: context.top)
        let began = ContinuousClock.now
        let tests = ["taskset", "-c", "0", "swift", "test", "--skip-build", "--no-parallel"]
        let command = try Command.run(tests, in: context.top, seconds: 900)
        let passed = command.output.matches(of: /✔ Test (?!run|case)/).count
        let failed = command.output.split(separator: "\n").filter { $0.contains("✘ Test") }.map(String.init)
        var found = Array(failed.prefix(10))
        if command.status != 0, found.isEmpty {
            found = ["status \(command.status): \(command.lastLines(3))"]
        }
        if passed == 0 { found.append("no test was seen to pass") }
        report(
            Row(
                name, "the test suite on one processor", cases: UInt64(passed), "tests passed", found: found,
                began: began))
    }
}
