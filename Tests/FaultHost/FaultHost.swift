import Foundation

/// A program that does something bad to itself and reports what became of it. Faults need a process of their own: they
/// take memory, threads and signals away from everything in it. The instrument `faults` starts it once for each.
@main
struct FaultHost {
    private static let faults: [String: @Sendable (Arguments, inout Report) throws -> Void] = [
        "allocations": runAllocations,
        "fork": runFork,
        "memory": runMemory,
        "overload": runOverload,
        "signals": runSignals,
        "stall": runStall,
        "threads": runThreads,
    ]

    static func main() {
        guard let name = CommandLine.arguments.dropFirst().first, let fault = faults[name] else {
            FileHandle.standardError.write(Data("faults: \(faults.keys.sorted().joined(separator: ", "))\n".utf8))
            exit(2)
        }
        var report = Report()
        do {
            try fault(Arguments(CommandLine.arguments.dropFirst(2)), &report)
        } catch {
            report.row(name, 0, "runs", found: ["\(error)"])
        }
        exit(report.rows > 0 ? 0 : 2)
    }
}

/// Pairs of a name and a number.
struct Arguments {
    private var values: [String: Int] = [:]

    init(_ words: ArraySlice<String>) {
        var rest = words
        while let name = rest.popFirst(), let value = rest.popFirst().flatMap(Int.init) { values[name] = value }
    }

    subscript(_ name: String, default value: Int) -> Int { values[name] ?? value }
}

/// Rows for the table, one a line, as the instrument reads them: fields are separated by tabs.
struct Report {
    private(set) var rows = 0

    mutating func row(_ subject: String, _ cases: UInt64, _ unit: String, found: [String] = []) {
        rows += 1
        // At once: a process that comes to harm later has still said this.
        let line = (["row", subject, String(cases), unit] + found).joined(separator: "\t") + "\n"
        FileHandle.standardOutput.write(Data(line.utf8))
    }
}

struct Trouble: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
