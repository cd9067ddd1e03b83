import Foundation

/// A program that an instrument starts, and what came of it.
struct Command {
    let status: Int32
    /// Standard output and standard error, as they came.
    let output: String

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Runs a program to its end, at the longest `seconds`; then it and all that it started are killed, which counts
    /// as status 124.
    static func run(
        _ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:], seconds: Int = 3_600
    ) throws -> Command {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "--kill-after=5", String(seconds)] + arguments
        process.currentDirectoryURL = folder
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let data = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Command(status: process.terminationStatus, output: String(decoding: data, as: UTF8.self))
    }

    /// The same for a program that must succeed.
    @discardableResult
    static func check(_ arguments: [String], in folder: URL? = nil, environment: [String: String] = [:]) throws
        -> String
    {
        let command = try run(arguments, in: folder, environment: environment)
        guard command.status == 0 else {
            throw Failure(
                description:
                    "\(arguments.joined(separator: " ")) ended with status \(command.status):\n\(command.lastLines(20))"
            )
        }
        return command.output
    }

    func lastLines(_ count: Int) -> String {
        output.split(separator: "\n").suffix(count).joined(separator: "\n")
    }
}
