#if CLI
import Glibc
import Gyre
import GyreBench

/// One call of `gyre bench`: its runs, what they showed, and where that goes.
struct BenchSession {
    private let options: BenchOptions
    private let kind: BenchKind

    init(_ options: BenchOptions, _ kind: BenchKind) {
        self.options = options
        self.kind = kind
    }

    func run() throws {
        let conditions = try options.conditions()
        let earlier = try options.compare.map { name in
            try BenchStore.standard().read(name, title: kind.title)
        }
        // From here on a signal is waited for, so that no temporary file is left behind.
        Interruption.install()
        // Opened before the work: a folder that is not there is said at once and not after it.
        var jsonFile: WholeFile?
        if let json = options.json, json != "-" { jsonFile = try WholeFile(replacing: json) }
        var percentileFile: WholeFile?
        if let path = options.hgrm { percentileFile = try WholeFile(replacing: path) }
        var keptFile: WholeFile?
        if let name = options.save { keptFile = try BenchStore.standard().file(name) }

        var results: [LoadResult] = []
        // One at least: an interrupted run still says what was done.
        repeat { results.append(try measure()) } while results.count < options.runs && Interruption.signal == nil
        let report = BenchReport(
            kind: kind, settings: settings, isOpenLoop: options.pace != .closed, results: results,
            earlier: earlier)

        let isInterrupted = Interruption.signal != nil
        let lines = report.lines.map { $0 + "\n" }.joined()
        if let file = jsonFile.take() {
            try file.write(lines)
            try file.commit()
        }
        if let file = percentileFile.take() {
            try file.write(report.whole.response.percentileText())
            try file.commit()
        }
        // Half a run is nothing to compare others with.
        if let file = keptFile.take(), !isInterrupted {
            try file.write(lines)
            try file.commit()
        }
        guard emit(options.json == "-" ? lines : report.text, to: STDOUT_FILENO) else {
            throw CommandFailure(code: .usage, text: "standard output: \(systemErrorText(errno))")
        }
        if let signal = Interruption.signal {
            throw CommandFailure(
                code: .interrupted, text: "interrupted by signal \(signal): the figures are those of what was done")
        }
        let held = conditions.filter(report.holds)
        if !held.isEmpty {
            throw CommandFailure(code: .conditionHolds, text: held.map(report.verdict).joined(separator: "; "))
        }
    }

    /// What the figures hold for.
    private var settings: String {
        let rate = options.pace == .closed ? "as fast as it goes" : "\(options.rate) a second"
        let workers = options.workers.map { "\($0) worker\($0 == 1 ? "" : "s")" } ?? "default workers"
        let producers = "\(options.producers) producer\(options.producers == 1 ? "" : "s")"
        return "\(rate) for \(options.duration), \(producers), \(workers), pinning \(options.pinning.rawValue)"
    }

    private func measure() throws -> LoadResult {
        let meter: LoadMeter
        let load: any BenchLoad
        switch kind {
        case .ring:
            meter = LoadMeter(clock: .system())
            load = try RingLoad(consumers: options.workers ?? 1, pinning: options.pinning, meter: meter)
        case .submit, .graph:
            let runtime = try Runtime(Runtime.Configuration(workers: options.workers, pinning: options.pinning))
            meter = LoadMeter(clock: runtime.clock)
            if case .submit(let level) = kind {
                load = SubmitLoad(runtime: runtime, meter: meter, level: level)
            } else {
                load = try GraphLoad(runtime: runtime, meter: meter)
            }
        }
        defer { load.end() }
        let whenFull = options.pace == .closed ? WhenFull.wait : .fail
        do {
            return try LoadRun(pace: options.pace, duration: options.duration.duration, producers: options.producers)
                .measure(meter, isInterrupted: { Interruption.signal != nil }) { stamp in
                    load.offer(stamp, whenFull: whenFull)
                }
        } catch {
            throw CommandFailure(code: .taskFailed, text: "\(kind.title): \(error)")
        }
    }
}
#endif
