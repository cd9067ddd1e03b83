import Foundation
import Synchronization

/// The runs of all tests under a sanitizer, each made once for whichever instruments ask for it: the one under
/// AddressSanitizer counts as well, so that ``SanitizersInstrument`` and ``Coverage`` judge the same run.
struct SuiteRuns: Sendable {
    let thread = Suite(target: "tsan")
    let address = Suite(target: "asan")

    /// Ten thousand histories of each policy run in `make test`; here a few do what is to be done.
    static let environment = ["GYRE_SEEDS": "50"]

    /// A bound on a hang, build included.
    static let secondsMax = 1_500

    /// What came of a run, and how long it took, build included.
    struct Run {
        let command: Command
        let took: Duration
    }

    /// All tests of the repository by a target of the Makefile.
    final class Suite: Sendable {
        let target: String
        private let made = Mutex<Run?>(nil)

        init(target: String) { self.target = target }

        /// The programs that the target builds.
        func products(_ context: Context) -> URL { context.top.appendingPathComponent(".build-\(target)/debug") }

        /// Who asks while another makes it waits for it.
        func run(_ context: Context) throws -> Run {
            try made.withLock { made in
                if let made { return made }
                let began = ContinuousClock.now
                try forgetCounts(context)
                // Make hands its variables on: these would be the options of `make verify`.
                let command = try Command.run(
                    ["make", target, "ARGS="], in: context.top, environment: SuiteRuns.environment,
                    seconds: SuiteRuns.secondsMax)
                let run = Run(command: command, took: began.duration(to: .now))
                made = run
                return run
            }
        }

        /// Counts of an earlier run would be added to those of this one.
        private func forgetCounts(_ context: Context) throws {
            let counts = SuiteRuns.counts(in: products(context))
            let files = FileManager.default
            if files.fileExists(atPath: counts.path) { try files.removeItem(at: counts) }
        }
    }

    /// The folder of what the programs of a build that counts have counted.
    static func counts(in products: URL) -> URL { products.appendingPathComponent("codecov") }
}
