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

            Then the log is decided once more with stock and price as services: dependencies with policies, over HTTP \
            to a server of this process on 127.0.0.1 that is late and fails as its seed says. What is decided must be \
            the same; each purchase is accounted for as decided, fallen back or failed. With --chaos the services fail \
            much more, and one pass without them comes first.

            Exit codes: 0 done, 1 a task failed or the account does not balance, 2 usage or bad input, 4 interrupted.
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
        name: .long,
        help: ArgumentHelp(
            """
            How many purchases are decided over HTTP too, from the first one on; 0 for none. Without it all, but \
            10,000 at most.
            """, valueName: "count"))
    var remote: Int?

    @Flag(name: .long, help: "Turn up what goes wrong at the services.")
    var chaos = false

    @Option(
        name: .long,
        help: "What the faults and the jitter of retries follow from: the same seed, the same faults. 1 without it.")
    var seed: UInt64?

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
        if let remote {
            guard remote >= 0 else { throw ValidationError("--remote \(remote): a number from 0 on is needed") }
            if remote == 0, chaos { throw ValidationError("--chaos: there are no services with --remote 0") }
            if remote == 0, seed != nil { throw ValidationError("--seed: there are no services with --remote 0") }
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

        let (run, report) = try replay(log)
        var shop: ShopReport?
        if report.exitStatus == .done, remoteCount(log) > 0 { shop = try replayRemotely(log, run.decisions) }
        let exitStatus = shop?.exitStatus ?? report.exitStatus
        if exitStatus == .done, let file = decisionsFile.take() {
            try run.decisions.write(to: file)
            try file.commit()
        }
        var object = report.jsonObject
        if let shop { object["remote"] = .object(shop.jsonObject) }
        if let file = reportFile.take() {
            try file.write(object.text + "\n")
            try file.commit()
        }
        let style = Terminal.isStyled(STDOUT_FILENO)
        let table = report.text(style: style ? .terminal : .plain) + (shop.map { "\n" + $0.text } ?? "")
        try show(json == "-" ? object.text + "\n" : table)
        if let complaint = shop.map(\.complaint) ?? report.complaint {
            throw CommandFailure(code: exitStatus, text: complaint)
        }
    }

    /// The main job: the whole log, pass after pass, without services.
    private func replay(_ log: PurchaseLog) throws -> (run: StorefrontRun, report: StorefrontReport) {
        let runtime = try Runtime(Runtime.Configuration(workers: workers, pinning: pinning))
        let standard = chaos ? StorefrontRun.Length.passes(1) : .atLeast(.seconds(3))
        let length = self.repeat.map { .passes($0) } ?? standard
        let run = StorefrontRun(runtime: runtime, log: log, length: length)
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
        return (run, report)
    }

    private func remoteCount(_ log: PurchaseLog) -> Int { min(remote ?? 10_000, log.purchases.count) }

    /// The log with services, on a runtime of its own, so that the figures of the main job are its own too.
    private func replayRemotely(_ log: PurchaseLog, _ decisions: DecisionBuffer) throws -> ShopReport {
        let runtime = try Runtime(Runtime.Configuration(workers: workers, pinning: pinning))
        defer { runtime.drainBlocking(soft: .seconds(10), hard: .seconds(30)) }
        let count = remoteCount(log)
        let seed = self.seed ?? 1
        let run = ShopRun(
            runtime: runtime, log: log, count: count,
            faults: chaos ? .chaos(seed: seed, purchases: count) : .calm(seed: seed),
            policies: try chaos ? .chaos() : .calm(), seed: seed, decisions: decisions)
        var line = ProgressLine()
        let summary = try run.replay(
            interruption: { Interruption.signal },
            progress: { ended in line.update { "over HTTP  \(ended * 100 / count) %  \(ended) purchases" } })
        line.clear()
        return ShopReport(summary: summary, isChaos: chaos, seed: seed)
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
