#if CLI
import ArgumentParser
import Gyre
import GyreBench

/// What every benchmark takes.
struct BenchOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Operations to begin each second, at instants fixed beforehand; max begins the next one as soon as there "
                + "is room.", valueName: "number|max"))
    var rate = BenchRate.perSecond(10_000)

    @Option(name: .long, help: ArgumentHelp("For how long, as 5s, 500ms or 2m.", valueName: "time"))
    var duration = BenchDuration(nanoseconds: 5_000_000_000)

    @Option(name: .long, help: "How often. The report says how far the runs are apart.")
    var runs = 1

    @Option(name: .long, help: "How many threads begin operations.")
    var producers = 1

    @Option(name: .long, help: "How many workers. Without it, as many as the machine and its limits allow.")
    var workers: Int?

    @Option(name: .long, help: "How workers are tied to cores.")
    var pinning = Pinning.soft

    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write a JSON object for each figure there, one a line; - is standard output, in place of the report.",
            valueName: "file"), completion: .file())
    var json: String?

    @Option(
        name: .long,
        help: ArgumentHelp("Write the response times there as HdrHistogram's percentiles.", valueName: "file"),
        completion: .file())
    var hgrm: String?

    @Option(name: .long, help: ArgumentHelp("Keep the figures under this name.", valueName: "name"))
    var save: String?

    @Option(name: .long, help: ArgumentHelp("Show the figures beside those kept under this name.", valueName: "name"))
    var compare: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "End with exit code 3 if this holds, as 'p99 > 2ms', 'service p99.9 >= 300us', 'refused > 0' or, with "
                + "--compare, 'p99 > 1.5x'. May be given more than once.", valueName: "condition"))
    var failIf: [String] = []

    func validate() throws {
        if !(1...1_000).contains(runs) { throw ValidationError("--runs \(runs): a number from 1 to 1000 is needed") }
        if !(1...64).contains(producers) {
            throw ValidationError("--producers \(producers): a number from 1 to 64 is needed")
        }
        if let workers, !(1...WorkerPool.workersMax).contains(workers) {
            throw ValidationError("--workers \(workers): a number from 1 to \(WorkerPool.workersMax) is needed")
        }
        if let hgrm, hgrm == json || hgrm == "-" {
            throw ValidationError("--hgrm \(hgrm): the percentiles need a file of their own")
        }
        for name in [save, compare].compactMap(\.self) where !BenchStore.isName(name) {
            throw ValidationError("'\(name)' is no name for a run: letters, digits, - and _ make one")
        }
        _ = try conditions()
    }

    /// The conditions of `--fail-if`, read.
    func conditions() throws -> [Condition] {
        try failIf.map { text in
            do {
                let condition = try Condition(text)
                if condition.needsComparison, compare == nil {
                    throw ValidationError("--fail-if '\(text)': a bound in x needs --compare")
                }
                return condition
            } catch let error as ConditionError {
                throw ValidationError("--fail-if '\(text)': \(error)")
            }
        }
    }

    var pace: Pace {
        switch rate {
        case .perSecond(let number): .open(perSecond: number)
        case .max: .closed
        }
    }
}

/// `--rate`.
enum BenchRate: ExpressibleByArgument, CustomStringConvertible, Equatable, Sendable {
    case perSecond(Double)
    case max

    init?(argument: String) {
        if argument == "max" {
            self = .max
        } else if let number = Double(argument), number > 0, number <= 1e9 {
            self = .perSecond(number)
        } else {
            return nil
        }
    }

    var description: String {
        switch self {
        case .perSecond(let number): number == number.rounded() ? String(Int(number)) : String(number)
        case .max: "max"
        }
    }
}

/// A length of time from the command line: a number and its unit.
struct BenchDuration: ExpressibleByArgument, CustomStringConvertible, Equatable, Sendable {
    let nanoseconds: Int64

    var duration: Duration { .nanoseconds(nanoseconds) }

    init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// From a millisecond to a day.
    init?(argument: String) {
        let units: [(String, Double)] = [("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3_600e9)]
        guard let (unit, size) = units.first(where: { argument.hasSuffix($0.0) }),
            let number = Double(argument.dropLast(unit.count)), number * size >= 1e6, number * size <= 86_400e9
        else { return nil }
        nanoseconds = Int64(number * size)
    }

    var description: String {
        nanoseconds % 1_000_000_000 == 0 ? "\(nanoseconds / 1_000_000_000)s" : "\(nanoseconds / 1_000_000)ms"
    }
}
#endif
