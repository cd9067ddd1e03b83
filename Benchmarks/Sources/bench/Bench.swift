import BenchKit
import BenchPools
import Foundation
import Glibc

/// Everything beside its peers, in one run. `make bench`.
@main
struct Bench {
    static func main() {
        // The process of a subject, started by the one that measures.
        if CommandLine.arguments.dropFirst().first == PoolServer.argument { return PoolServer.serve() }
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            try measure(options)
        } catch {
            let complaint = Array("bench: \(error)\n".utf8)
            write(STDERR_FILENO, complaint, complaint.count)
            exit(error is Options.Mistake ? 2 : 1)
        }
    }

    /// Prints at once, also into a pipe: a cell takes seconds.
    private static func say(_ text: String) {
        print(text)
        fflush(nil)
    }

    private static func note(_ context: RunContext, beside path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(context).write(to: URL(filePath: RunContext.path(beside: path)))
    }

    private static func measure(_ options: Options) throws {
        let cells = Cells.all.filter { options.only.isEmpty || $0.title.contains(options.only) }
        guard !cells.isEmpty else { throw Options.Mistake(description: "no title contains \(options.only)") }
        let json = try options.json.map(LineFile.init)
        let machine = Machine.read().text
        var context = RunContext(machine: machine, date: Date.now.ISO8601Format())
        say(machine)
        say("\n\(options.engine.repetitions) runs of each subject; gyre x: how many times better gyre is, paired")
        say("\(cells.count) cells, about \(tenths(options.engine.minutes(for: cells))) minutes")
        PeerProgram.areRunsShort = options.engine.isQuick
        PeerProgram.build(for: cells)
        var missed: [String] = []
        var (shown, noisy) = (0, 0)
        for cell in cells {
            for result in try options.engine.measure(cell) {
                say(Report.table(result))
                for line in Report.lines(result) { try json?.append(line) }
                context.add(result)
                // After each cell: what was measured stays when a later one fails.
                if let path = options.json { try note(context, beside: path) }
                shown += 1
                if result.disturbance.isNoisy { noisy += 1 }
                if result.verdicts.contains(where: { !$0.isMet }) { missed.append(result.cell.title) }
            }
        }
        if noisy > 0 {
            say("\n\(noisy) of \(shown) cells were measured while others used the machine: no gate, repeat them")
        } else if options.isGate, !missed.isEmpty {
            throw TargetsMissed(titles: missed)
        }
    }
}

struct TargetsMissed: Error, CustomStringConvertible {
    let titles: [String]
    var description: String { "targets missed: \(titles.joined(separator: ", "))" }
}

/// What may be asked for on the command line.
struct Options {
    /// Part of a title; empty for all. (Foundation's `contains` finds the empty text in none.)
    var only = ""
    var json: String?
    /// A missed target is an error, unless the machine was noisy.
    var isGate = false
    var engine = Engine(repetitions: 15, nanosecondsPerRun: 30_000_000)

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: ArraySlice<String>) throws(Mistake) {
        var rest = arguments
        while let name = rest.popFirst() {
            switch name {
            case "--gate": isGate = true
            case "--quick":
                engine = Engine(repetitions: 5, nanosecondsPerRun: 10_000_000)
                engine.isQuick = true
            default:
                guard let value = rest.popFirst() else {
                    throw Mistake(description: "\(name) needs a value. \(Self.usage)")
                }
                switch (name, Int(value)) {
                case ("--only", _): only = value
                case ("--json", _): json = value
                case ("--runs", let number?) where number > 0: engine.repetitions = number
                default: throw Mistake(description: "\(name) \(value) is not understood. \(Self.usage)")
                }
            }
        }
    }

    private static let usage = "Options: --only PART-OF-A-TITLE, --json FILE, --quick, --runs N, --gate"
}

/// A file that gets line after line; what was written stays when a later cell fails.
struct LineFile {
    private let file: UnsafeMutablePointer<FILE>
    private let path: String

    init(_ path: String) throws {
        guard let file = fopen(path, "w") else { throw Unwritable(path: path, code: errno) }
        self.file = file
        self.path = path
    }

    func append(_ line: String) throws {
        guard fputs(line + "\n", file) >= 0, fflush(file) == 0 else { throw Unwritable(path: path, code: errno) }
    }

    struct Unwritable: Error, CustomStringConvertible {
        let path: String
        let code: Int32
        var description: String { "\(path): \(String(cString: strerror(code)))" }
    }
}
