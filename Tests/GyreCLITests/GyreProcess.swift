import Foundation
import Glibc
import Testing

/// A run of the real program, which stands beside the test bundle.
struct GyreProcess {
    struct Result {
        /// The exit code; nil when a signal ended the process.
        let status: Int32?
        let output: String
        let errors: String
    }

    private static let program: URL = {
        var path = [CChar](repeating: 0, count: 4_096)
        let length = max(0, readlink("/proc/self/exe", &path, path.count))
        let bundle = String(decoding: path.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "gyre")
    }()

    /// The root of the repository, where the sample is found.
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    private let process = Process()

    init(_ arguments: [String], in folder: URL = repository, environment: [String: String] = [:]) {
        process.executableURL = Self.program
        process.arguments = arguments
        process.currentDirectoryURL = folder
        // What the tests run under must not decide how the program prints.
        var inherited = ProcessInfo.processInfo.environment
        for name in ["NO_COLOR", "CI"] { inherited[name] = nil }
        inherited["TERM"] = "xterm"
        process.environment = inherited.merging(environment) { $1 }
    }

    /// Runs to the end with pipes.
    func run() throws -> Result {
        // Files cannot fill up as pipes can.
        let folder = try TemporaryFolder()
        let (output, errors) = (folder.path("output"), folder.path("errors"))
        for path in [output, errors] { try Data().write(to: URL(filePath: path)) }
        process.standardOutput = try FileHandle(forWritingTo: URL(filePath: output))
        process.standardError = try FileHandle(forWritingTo: URL(filePath: errors))
        try start()
        process.waitUntilExit()
        return Result(
            status: status, output: try String(contentsOfFile: output, encoding: .utf8),
            errors: try String(contentsOfFile: errors, encoding: .utf8))
    }

    /// Runs to the end on a terminal, which takes both outputs.
    ///
    /// - Parameters:
    ///   - text: Awaited on the terminal; then `signal` is sent.
    func runOnTerminal(
        sending signal: Int32? = nil, after text: String = ""
    ) throws -> (status: Int32?, text: String) {
        let (leader, follower) = try openTerminal()
        defer { close(leader) }
        let terminal = FileHandle(fileDescriptor: follower, closeOnDealloc: false)
        process.standardOutput = terminal
        process.standardError = terminal
        try start()
        close(follower)

        // The last process that has the terminal open is the program: the end is an error of its own, EIO.
        var received: [UInt8] = []
        var pending = signal
        while true {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = read(leader, &bytes, bytes.count)
            guard count > 0 else { break }
            received += bytes.prefix(count)
            if let signal = pending, String(decoding: received, as: UTF8.self).contains(text) {
                kill(process.processIdentifier, signal)
                pending = nil
            }
        }
        process.waitUntilExit()
        return (status, String(decoding: received, as: UTF8.self))
    }

    /// Starts, sends `signal` at once, at whatever point the program is then, and waits for the end.
    func runSendingAtOnce(_ signal: Int32) throws -> Int32? {
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try start()
        kill(process.processIdentifier, signal)
        process.waitUntilExit()
        return status
    }

    /// Starts the program. One that hangs is killed after two minutes, so that its test fails instead of hanging too.
    private func start() throws {
        try process.run()
        let process = self.process
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(120)) {
            if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        }
    }

    private var status: Int32? {
        process.terminationReason == .exit ? process.terminationStatus : nil
    }
}

/// Both ends of a new terminal. The module of the C library leaves `openpty` out, so the linker is asked for it.
private func openTerminal() throws -> (leader: Int32, follower: Int32) {
    typealias OpenTerminal =
        @convention(c) (
            UnsafeMutablePointer<Int32>, UnsafeMutablePointer<Int32>, UnsafeMutablePointer<CChar>?,
            UnsafeRawPointer?, UnsafeRawPointer?
        ) -> Int32
    let symbol = try #require(dlsym(nil, "openpty"))
    var (leader, follower): (Int32, Int32) = (-1, -1)
    try #require(unsafeBitCast(symbol, to: OpenTerminal.self)(&leader, &follower, nil, nil, nil) == 0)
    for descriptor in [leader, follower] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    return (leader, follower)
}

/// A folder that goes away with its last holder.
final class TemporaryFolder: Sendable {
    let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: false)
    }

    deinit {
        // What stays behind is a matter of the system's temporary folder and not of the test's result.
        try? FileManager.default.removeItem(at: url)
    }

    func path(_ name: String) -> String { url.appending(path: name).path }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() }

    func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
    }
}
