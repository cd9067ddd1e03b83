import Foundation

/// The program whose costs are counted, in a copy without debugging symbols: Valgrind 3.19 stops at those of Swift 6.3
/// (DWARF 5 with forms that it does not know).
struct Program {
    private let path: String
    private let scratch: URL

    /// `gatehost` is built beside this program.
    static func prepare() throws -> Program {
        let own = URL(filePath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let built = own.deletingLastPathComponent().appending(path: "gatehost")
        guard FileManager.default.isExecutableFile(atPath: built.path) else {
            throw Failure("\(built.path) is missing: make gates builds it")
        }
        let scratch = own.deletingLastPathComponent().appending(path: "gates-scratch")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
        let path = scratch.appending(path: "gatehost").path
        _ = try output(["strip", "--strip-debug", "-o", path, built.path])
        return Program(path: path, scratch: scratch)
    }

    /// The compiler's version, as it says it.
    static func compiler() throws -> String {
        let text = try output(["swift", "--version"])
        guard let line = text.split(separator: "\n").first(where: { $0.contains("Swift version") }),
            let range = line.range(of: "Swift version")
        else { throw Failure("swift --version says \(text)") }
        return String(line[range.lowerBound...])
    }

    func instructions(_ workload: String, _ count: Int) throws -> UInt64 {
        let log = scratch.appending(path: "callgrind.log")
        _ = try Self.output([
            "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--log-file=\(log.path)", path, workload,
            String(count),
        ])
        let text = try String(contentsOf: log, encoding: .utf8)
        // ==12345== Collected : 27688237
        guard let line = text.split(separator: "\n").first(where: { $0.contains("Collected : ") }),
            let number = line.split(separator: " ").last.flatMap({ UInt64($0) })
        else { throw Failure("callgrind counted nothing of \(workload):\n\(text)") }
        return number
    }

    func allocations(_ workload: String, _ count: Int) throws -> UInt64 {
        let text = try Self.output([path, workload, String(count)])
        guard let number = UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
            throw Failure("\(workload) printed \(text)")
        }
        return number
    }

    func systemCalls(_ workload: String, _ count: Int) throws -> UInt64 {
        let log = scratch.appending(path: "strace.log")
        _ = try Self.output(["strace", "-f", "-c", "-o", log.path, path, workload, String(count)])
        let text = try String(contentsOf: log, encoding: .utf8)
        // % time, seconds, usecs/call, calls, errors, syscall; the last line is the sum.
        guard let line = text.split(separator: "\n").last(where: { $0.hasSuffix(" total") }),
            case let columns = line.split(separator: " "), columns.count >= 5, let number = UInt64(columns[3])
        else { throw Failure("strace counted nothing of \(workload):\n\(text)") }
        return number
    }

    /// What a command prints.
    private static func output(_ command: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure("\(command.joined(separator: " ")) ended with status \(process.terminationStatus)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
