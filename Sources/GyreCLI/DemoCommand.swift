#if CLI
import ArgumentParser
import Glibc
import Gyre
import GyreObserve

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a workload that comes with Gyre.",
        subcommands: [StorefrontCommand.self])
}

extension Pinning: ExpressibleByArgument {}

/// How a graph is drawn.
enum Drawing: String, CaseIterable, ExpressibleByArgument {
    case text, dot, mermaid, svg

    func draw(_ picture: GraphPicture) -> String {
        switch self {
        case .text: return picture.text
        case .dot: return picture.dot
        case .mermaid: return picture.mermaid
        case .svg: return picture.svg
        }
    }
}

struct StorefrontCommand: ParsableCommand {
    /// Where the sample is in the repository.
    static let sample = "Benchmarks/Workloads/storefront/CDNOW_sample.txt"

    static let configuration = CommandConfiguration(
        commandName: "storefront",
        abstract: "Decide offers over a real purchase log, five agent tasks for each purchase.",
        discussion: """
            The rules stand in Benchmarks/Workloads/storefront/README.md. Without --repeat the log is replayed for at \
            least 3 seconds, whole passes only. Every pass must decide the same.

            Exit codes: 0 done, 1 a task failed, 2 usage or bad input, 4 interrupted.
            """)

    @Option(
        name: .long,
        help: ArgumentHelp("The purchase log. Without it, the sample of the repository.", valueName: "file"),
        completion: .file())
    var input: String?

    @Option(name: .long, help: "How many workers. Without it, as many as the machine and its limits allow.")
    var workers: Int?

    @Option(name: .long, help: "How workers are tied to cores.")
    var pinning = Pinning.soft

    @Option(name: .long, help: "How many passes over the log.")
    var `repeat`: Int?

    @Option(
        name: .long, help: ArgumentHelp("Write the decisions of a pass there.", valueName: "file"),
        completion: .file())
    var out: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write the report there as a JSON object; - is standard output, in place of the table.",
            valueName: "file"), completion: .file())
    var json: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Draw the graph on standard output instead of running it.", valueName: "form"))
    var draw: Drawing?

    func validate() throws {
        if let passes = self.repeat, passes < 1 {
            throw ValidationError("--repeat \(passes): a number from 1 on is needed")
        }
        if let workers, !(1...WorkerPool.workersMax).contains(workers) {
            throw ValidationError("--workers \(workers): a number from 1 to \(WorkerPool.workersMax) is needed")
        }
        if let out, out == json || out == "-" {
            throw ValidationError("--out \(out): the decisions need a file of their own")
        }
    }

    func run() throws {
        if let draw {
            // Nothing is run, so it does not matter for how many customers it could.
            return try show(draw.draw(try StorefrontGraph(customers: 1).plan.picture))
        }
        let log = try readLog()
        // From here on a signal is waited for, so that no temporary file is left behind.
        Interruption.install()
        // Opened before the work: a folder that is not there is said at once and not after it.
        var decisionsFile: WholeFile?
        if let out { decisionsFile = try WholeFile(replacing: out) }
        var reportFile: WholeFile?
        if let json, json != "-" { reportFile = try WholeFile(replacing: json) }

        let runtime = try Runtime(Runtime.Configuration(workers: workers, pinning: pinning))
        let run = StorefrontRun(
            runtime: runtime, log: log, length: self.repeat.map { .passes($0) } ?? .atLeast(.seconds(3)))
        var line = ProgressLine()
        let summary = try run.replay(
            interruption: { Interruption.signal },
            progress: { summary in
                line.update { StorefrontReport.progress(summary, purchases: log.purchases.count) }
            })
        runtime.drainBlocking(soft: .seconds(10), hard: .seconds(30))
        line.clear()

        let report = StorefrontReport(
            input: input ?? Self.sample, log: log, workers: runtime.pool.workerCount, pinning: pinning,
            summary: summary, snapshot: runtime.snapshot())
        if report.exitStatus == .done, let file = decisionsFile.take() {
            try run.decisions.write(to: file)
            try file.commit()
        }
        if let file = reportFile.take() {
            try file.write(report.jsonObject.text + "\n")
            try file.commit()
        }
        let style = Terminal.isStyled(STDOUT_FILENO)
        let text = json == "-" ? report.jsonObject.text + "\n" : report.text(style: style ? .terminal : .plain)
        try show(text)
        if let complaint = report.complaint { throw CommandFailure(code: report.exitStatus, text: complaint) }
    }

    private func show(_ text: String) throws {
        guard emit(text, to: STDOUT_FILENO) else {
            throw CommandFailure(code: .usage, text: "standard output: \(systemErrorText(errno))")
        }
    }

    private func readLog() throws(PurchaseLogError) -> PurchaseLog {
        if let input { return try PurchaseLog(path: input) }
        do {
            return try PurchaseLog(path: Self.sample)
        } catch  where error.line == nil {
            throw PurchaseLogError(
                file: error.file, line: nil,
                reason: "\(error.reason) (the sample is found from the repository's folder; --input names another log)")
        }
    }
}
#endif
