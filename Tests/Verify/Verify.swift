import Foundation
import Synchronization

/// Runs the instruments that look for bugs, and ends with a table of what each looked at and found. `make verify` and
/// `make soak`; Tests/README.md says what each instrument can and cannot show.
@main
struct Verify {
    static let instruments: [any Instrument] = [
        Fuzz(),  // first of its lane: its modules are compiled one after the other, while suites keep the machine busy
        Litmus(),
        Model(),
        Mutants(),
        FreezeInstrument(),
        HistoryInstrument(),
        SanitizersInstrument(),
        Coverage(),
        OneProcessor(),
        FaultsInstrument(),
        Spin(),
    ]

    static func main() {
        do {
            let options = try Options(CommandLine.arguments.dropFirst(), names: instruments.map(\.name))
            let isClean = try run(options)
            exit(isClean ? 0 : 1)
        } catch {
            FileHandle.standardError.write(Data("verify: \(error)\n".utf8))
            exit(2)
        }
    }

    /// Whether no instrument found anything.
    private static func run(_ options: Options) throws -> Bool {
        let wanted = instruments.filter { options.only.isEmpty || options.only.contains($0.name) }
        // What gives way comes last: the suites have ended by then, or leave more.
        let order = wanted.filter { !$0.givesWay } + wanted.filter(\.givesWay)
        let lanes = [Lane.suites, .programs].map { lane in order.filter { $0.lane == lane } }.filter { !$0.isEmpty }
        let context = Context(size: options.size, seed: options.seed, permits: Permits(options.jobs))
        print("verify: size \(options.size.rawValue), seed \(options.seed)\n")
        fflush(nil)
        let began = ContinuousClock.now
        let rows = Mutex<[Row]>([])
        @Sendable func runLane(_ lane: [any Instrument]) {
            for instrument in lane {
                withPriority(of: instrument) {
                    run(instrument, context) { row in
                        rows.withLock { rows in
                            rows.append(row)
                            print(row.line)
                            fflush(nil)
                        }
                    }
                }
            }
        }
        runLane(wanted.filter { $0.lane == .alone })
        onThreads(lanes.count) { index in
            let lane = lanes[index]
            // A suite is worth about one processor.
            if lane[0].lane == .suites { context.permits.holding { runLane(lane) } } else { runLane(lane) }
        }
        let places = Dictionary(uniqueKeysWithValues: instruments.enumerated().map { ($1.name, $0) })
        let sorted = rows.withLock { $0 }.enumerated().sorted { one, other in
            (places[one.element.instrument] ?? 0, one.offset) < (places[other.element.instrument] ?? 0, other.offset)
        }
        let results = Results(
            size: options.size, seed: options.seed, rows: sorted.map(\.element), took: began.duration(to: .now))
        print("\n\(results.table)")
        if let findings = results.findings { print("\n\(findings)") }
        fflush(nil)
        if let path = options.json { try results.json.write(toFile: path, atomically: true, encoding: .utf8) }
        return results.isClean
    }

    /// On a thread of its own where the instrument gives way: who has done so cannot take it back, and programs and
    /// threads have the priority of the thread that starts them.
    private static func withPriority(of instrument: any Instrument, _ body: @Sendable () -> Void) {
        guard instrument.givesWay else { return body() }
        onThreads(1) { _ in
            errno = 0
            if nice(5) == -1, errno != 0 { perror("verify: nice") }  // it takes longer, then
            body()
        }
    }

    private static func run(_ instrument: any Instrument, _ context: Context, report: (Row) -> Void) {
        let began = ContinuousClock.now
        do {
            try instrument.run(context, report: report)
        } catch {
            // An instrument that cannot look has not shown that there is nothing: that is a finding.
            report(
                Row(instrument.name, "the instrument itself", cases: 0, "runs", found: ["\(error)"], began: began))
        }
    }
}

/// What may be asked for on the command line.
struct Options {
    var size = Size.ci
    /// What a change did must not depend on chance: at the size of minutes it is the same for every run. That of hours
    /// looks elsewhere each time.
    var seed: UInt64 { asked ?? (size == .ci ? 1 : fresh) }
    private var asked: UInt64?
    private let fresh = UInt64.random(in: 1...UInt64(UInt32.max))
    var jobs = ProcessInfo.processInfo.activeProcessorCount
    /// Names of instruments; empty for all.
    var only: [String] = []
    var json: String?

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: ArraySlice<String>, names: [String]) throws(Mistake) {
        let usage =
            "Options: --size ci|soak, --seed N, --jobs N, --json FILE, --only NAME[,NAME] of "
            + names.joined(separator: ", ")
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else { throw Mistake(description: "\(name) needs a value. \(usage)") }
            switch name {
            case "--size":
                guard let size = Size(rawValue: value) else { throw Mistake(description: "no size \(value). \(usage)") }
                self.size = size
            case "--seed":
                guard let seed = UInt64(value) else { throw Mistake(description: "no seed \(value). \(usage)") }
                asked = seed
            case "--jobs":
                guard let jobs = Int(value), jobs > 0 else { throw Mistake(description: "no count \(value). \(usage)") }
                self.jobs = jobs
            case "--json": json = value
            case "--only":
                only = value.split(separator: ",").map(String.init)
                if let unknown = only.first(where: { !names.contains($0) }) {
                    throw Mistake(description: "no instrument \(unknown). \(usage)")
                }
            default: throw Mistake(description: "\(name) is not understood. \(usage)")
            }
        }
    }
}
