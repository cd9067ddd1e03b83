import Foundation

/// Runs the instruments that look for bugs, and ends with a table of what each looked at and found. `make verify` and
/// `make soak`; Tests/README.md says what each instrument can and cannot show.
@main
struct Verify {
    static let instruments: [any Instrument] = [
        Litmus(),
        Model(),
        Mutants(),
        FreezeInstrument(),
        HistoryInstrument(),
        SanitizersInstrument(),
        Coverage(),
        Fuzz(),
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
        let context = Context(size: options.size, seed: options.seed, jobs: options.jobs)
        print("verify: size \(options.size.rawValue), seed \(options.seed)")
        var results = Results(size: options.size, seed: options.seed)
        for instrument in instruments where options.only.isEmpty || options.only.contains(instrument.name) {
            print("\n=== \(instrument.name)")
            let began = ContinuousClock.now
            do {
                try instrument.run(context) { row in
                    print(row.line)
                    results.append(row)
                }
            } catch {
                // An instrument that cannot look has not shown that there is nothing: that is a finding.
                let row = Row(
                    instrument.name, "the instrument itself", cases: 0, "runs", found: ["\(error)"], began: began)
                print(row.line)
                results.append(row)
            }
            fflush(nil)
        }
        print("\n\(results.table)")
        if let path = options.json { try results.json.write(toFile: path, atomically: true, encoding: .utf8) }
        return results.isClean
    }
}

/// What may be asked for on the command line.
struct Options {
    var size = Size.ci
    var seed = UInt64.random(in: 1...UInt64(UInt32.max))
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
                self.seed = seed
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
