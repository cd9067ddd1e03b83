import Foundation

/// Takes memory, threads, time and processors away from a running program, and looks what becomes of it. Most faults
/// are made by GyreFaultHost in a process of its own.
struct FaultsInstrument: Instrument {
    let name = "faults"

    func run(_ context: Context, report: (Row) -> Void) throws {
        let products = try products()
        let isSoak = context.size == .soak
        let faults: [[String]] = [
            ["allocations"],
            ["memory", "millions", isSoak ? "1000" : "10"],
            ["threads"],
            ["signals", "seconds", isSoak ? "600" : "3"],
            ["fork", "forks", isSoak ? "10000" : "100"],
            ["stall", "seconds", isSoak ? "60" : "5"],
            ["overload", "seconds", isSoak ? "300" : "30"],
        ]
        // Bounds on a hang.
        for fault in faults { try runHost(fault, products, seconds: isSoak ? 36_000 : 600, report) }
        let demo = products.appendingPathComponent("gyre").path
        try TerminationFault(program: demo, context: context).run(name: name, report: report)
    }

    /// Where GyreFaultHost and gyre are: beside this program, where `make verify` has built them.
    private func products() throws -> URL {
        let products = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for name in ["GyreFaultHost", "gyre"] {
            let path = products.appendingPathComponent(name).path
            guard FileManager.default.isExecutableFile(atPath: path) else {
                throw Command.Failure(description: "\(path) is missing; make verify builds it")
            }
        }
        return products
    }

    /// A line of its output is a row: the word, the subject, the cases, the unit, and what was found.
    private func runHost(
        _ arguments: [String], _ products: URL, seconds: Int, _ report: (Row) -> Void
    ) throws {
        var began = ContinuousClock.now
        let program = products.appendingPathComponent("GyreFaultHost").path
        let command = try Command.run([program] + arguments, seconds: seconds)
        var rows = 0
        for line in command.output.split(separator: "\n") {
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 4, fields[0] == "row", let cases = UInt64(fields[2]) else { continue }
            report(
                Row(name, fields[1], cases: cases, fields[3], found: Array(fields.dropFirst(4)), began: began))
            began = .now
            rows += 1
        }
        guard command.status == 0, rows > 0 else {
            return report(
                Row(
                    name, arguments[0], cases: 0, "rows",
                    found: ["the program ended with status \(command.status): \(command.lastLines(3))"], began: began))
        }
    }
}
