import Foundation

/// The checks on checks: the shipped sources with one thing made wrong, each of which the model checker must notice.
struct Mutants: Instrument {
    let name = "mutants"
    let givesWay = true

    func run(_ context: Context, report: (Row) -> Void) throws {
        let binary = ModelBinary(context)
        let folder = try context.scratch(name)
        let objects = try binary.objects(ModelBinary.core, in: folder)
        let mutants = try MutantTable.generated(in: binary.shipped) + MutantTable.named(in: binary.shipped)
        let seed = context.seed
        // What a harness says of the sources as they are, or every mutant would seem to be killed.
        let harnesses = Set(MutantTable.files.map(\.harness)).sorted()
        let text = try String(
            contentsOf: binary.shipped.appendingPathComponent("include/gyre_atomic.h"), encoding: .utf8)
        let sound = try inParallel(harnesses, context.permits) { harness in
            let began = ContinuousClock.now
            let mutant = Mutant(
                path: "include/gyre_atomic.h", line: 0, before: "", change: "nothing", text: text, harness: harness)
            let verdict = try mutant.judge(binary, objects, folder.appendingPathComponent("sound-\(harness)"), seed)
            let found = verdict == .survived ? [] : ["\(harness): the sources as they are: \(verdict)"]
            return Row(name, "\(harness), nothing changed", cases: 1, "runs", found: found, began: began)
        }
        sound.forEach(report)
        let judged = inParallel(Array(mutants.enumerated()), context.permits) { number, mutant in
            let began = ContinuousClock.now
            let place = folder.appendingPathComponent("mutant-\(number)")
            do {
                return (verdict: try mutant.judge(binary, objects, place, seed), took: began.duration(to: .now))
            } catch {
                return (verdict: MutantVerdict.broken("\(error)"), took: began.duration(to: .now))
            }
        }
        reportExceptions(mutants, report)
        let missing = try MutantTable.missing(in: binary.shipped)
        report(
            Row(
                name, "files with atomics, each with a harness or a reason",
                cases: UInt64(MutantTable.files.count + MutantException.files.count), "files",
                found: missing.map { "\($0) has neither" }, took: .zero))
        for file in MutantTable.files.map(\.path) {
            let own = zip(mutants, judged).filter { $0.0.path == file }
            let found = own.map { ($0.0, $0.1.verdict) }
            let took = own.reduce(Duration.zero) { $0 + $1.1.took }
            let killed = found.filter { $0.1 == .killed }.count
            var lines: [String] = []
            for (mutant, verdict) in found where verdict != .killed {
                let exception = mutant.exception
                if verdict == .survived, exception != nil { continue }
                lines.append("\(mutant): \(verdict)")
            }
            for (mutant, verdict) in found where verdict == .killed && mutant.exception != nil {
                lines.append("\(mutant): listed as an exception, and was killed")
            }
            let excepted = found.filter { $0.1 == .survived && $0.0.exception != nil }.count
            let unit = excepted == 0 ? "mutants, \(killed) killed" : "mutants, \(killed) killed, \(excepted) excepted"
            report(Row(name, file, cases: UInt64(found.count), unit, found: lines, took: took))
        }
    }

    /// An exception for code that is not there any more says nothing, and might come to hide something.
    private func reportExceptions(_ mutants: [Mutant], _ report: (Row) -> Void) {
        let unused = MutantException.all.filter { exception in !mutants.contains { exception.matches($0) } }
        report(
            Row(
                name, "exceptions, each of a line that is there", cases: UInt64(MutantException.all.count),
                "exceptions", found: unused.map { "\($0.path): no line has \"\($0.text)\"" }, took: .zero))
    }
}

/// What came of a mutant.
enum MutantVerdict: Equatable, Sendable, CustomStringConvertible {
    case killed
    case survived
    case broken(String)

    var description: String {
        switch self {
        case .killed: "killed"
        case .survived: "survived: no configuration notices it"
        case .broken(let why): "could not be judged: \(why)"
        }
    }
}

/// One thing made wrong in one file.
struct Mutant: Sendable, CustomStringConvertible {
    /// Below CSupport/gyre.
    let path: String
    let line: Int
    /// The line before the change, without blanks around it.
    let before: String
    /// What was done.
    let change: String
    /// The whole file after the change.
    let text: String
    let harness: String

    var description: String { "\(path):\(line): \(change): \(before)" }

    var exception: MutantException? { MutantException.all.first { $0.matches(self) } }

    func judge(_ binary: ModelBinary, _ objects: [String], _ folder: URL, _ seed: UInt64) throws -> MutantVerdict {
        let files = FileManager.default
        if files.fileExists(atPath: folder.path) { try files.removeItem(at: folder) }
        try files.copyItem(at: binary.shipped, to: folder)
        try text.write(to: folder.appendingPathComponent(path), atomically: false, encoding: .utf8)
        defer { try? files.removeItem(at: folder) }
        let object = folder.appendingPathComponent("harness.o")
        let compiled = try binary.compile(harness + ".c", to: object, shipped: folder, optimization: "-O0")
        guard compiled.status == 0 else { return .broken("it does not compile: \(compiled.lastLines(4))") }
        let program = folder.appendingPathComponent("program").path
        try Command.check([binary.clang] + objects + [object.path, "-o", program] + ModelBinary.libraries)
        let run = try Command.run([program, "run", "--quick", "--seed", String(seed)], seconds: 300)
        switch run.status {
        case 0: return .survived
        case 1: return .killed
        case 139, 134, 11, 6: return .killed  // it ran out of its memory
        default: return .broken("status \(run.status): \(run.lastLines(2))")
        }
    }
}

/// A weaker order that no program of C11 could tell from the shipped one, or that only other instruments need.
struct MutantException: Sendable {
    let path: String
    let text: String
    let change: String
    let reason: String

    /// Whether the text is the mutant's line, its beginning or, for a comment, its end.
    func matches(_ mutant: Mutant) -> Bool {
        guard path == mutant.path, change == mutant.change else { return false }
        if text.hasPrefix("//") { return mutant.before.hasSuffix(text) }
        return mutant.before == text || (!text.hasSuffix(";") && mutant.before.hasPrefix(text))
    }
}
