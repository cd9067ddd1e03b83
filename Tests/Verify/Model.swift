import Foundation

/// The checker on programs whose outcomes C11 fixes, and its search on programs made by chance.
struct Litmus: Instrument {
    let name = "litmus"

    func run(_ context: Context, report: (Row) -> Void) throws {
        let binary = try ModelBinary(context).build(in: context.scratch(name))
        let began = ContinuousClock.now
        let command = try Command.run([binary, "run", "litmus", "--seed", String(context.seed)])
        report(ModelRun(command).row(name, "outcomes are those of C11", began: began))
        let programs = context.size == .ci ? 2_000 : 1_000_000
        let generated = ContinuousClock.now
        let search = try Command.run([binary, "generated", String(context.seed), String(programs)])
        report(ModelRun(search).row(name, "sleep sets leave out repetitions only", began: generated))
    }
}

/// Every lock-free piece on the checker: one row a configuration.
struct Model: Instrument {
    let name = "model"
    let givesWay = true

    func run(_ context: Context, report: (Row) -> Void) throws {
        let binary = try ModelBinary(context).build(in: context.scratch(name))
        let list = try Command.check([binary, "list"]).split(separator: "\n")
        let tests = list.compactMap { line -> String? in
            let words = line.split(separator: "\t")
            return words.count == 2 && words[0] != "litmus" ? String(words[1]) : nil
        }
        guard !tests.isEmpty else { throw Command.Failure(description: "the checker has no tests") }
        let arguments = ["--size", context.size.rawValue, "--seed", String(context.seed)]
        let rows = inParallel(tests, context.permits) { test -> Row in
            let began = ContinuousClock.now
            do {
                let command = try Command.run([binary, "run", test] + arguments, seconds: 36_000)
                return ModelRun(command).row("model", test, began: began)
            } catch {
                return Row("model", test, cases: 0, "executions", found: ["\(error)"], began: began)
            }
        }
        for row in rows { report(row) }
    }
}

/// What the checker printed.
struct ModelRun {
    var executions: UInt64 = 0
    var steps: UInt64 = 0
    /// How the last search ended: complete, with a bound, by chance.
    var how = ""
    var found: [String] = []

    init(_ command: Command) {
        for line in command.output.split(separator: "\n") {
            let words = line.split(separator: "\t").map(String.init)
            switch words.first {
            case "ran" where words.count == 7:
                executions += UInt64(words[3]) ?? 0
                steps += UInt64(words[5]) ?? 0
                how = words[2] == "ok" ? words[4] : words[2]
            case "found" where words.count == 3: found.append("\(words[1]): \(words[2])")
            case "replay" where words.count == 3: found.append("replay: \(words[2])")
            default: break
            }
        }
        if command.status != 0, found.isEmpty { found = ["status \(command.status): \(command.lastLines(3))"] }
        if command.status == 0, executions == 0 { found.append("nothing was run") }
    }

    func row(_ instrument: String, _ subject: String, began: ContinuousClock.Instant) -> Row {
        Row(instrument, subject, cases: executions, "executions, \(how)", found: found, began: began)
    }
}
