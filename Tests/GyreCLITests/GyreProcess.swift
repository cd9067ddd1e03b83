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

    private static let program: String = {
        var path = [CChar](repeating: 0, count: 4_096)
        let length = max(0, readlink("/proc/self/exe", &path, path.count))
        let bundle = String(decoding: path.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
        return URL(filePath: bundle).deletingLastPathComponent().appending(path: "gyre").path
    }()

    /// The root of the repository, where the sample is found.
    static let repository = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized

    private let arguments: [String]
    private let folder: URL
    private let environment: [String: String]

    init(_ arguments: [String], in folder: URL = repository, environment: [String: String] = [:]) {
        self.arguments = arguments
        self.folder = folder
        // What the tests run under must not decide how the program prints.
        var inherited = ProcessInfo.processInfo.environment
        for name in ["NO_COLOR", "CI"] { inherited[name] = nil }
        inherited["TERM"] = "xterm"
        self.environment = inherited.merging(environment) { $1 }
    }

    /// Runs to the end with files for its outputs: they cannot fill up as pipes can.
    ///
    /// - Parameter meanwhile: Called when the program was started, with what sends it a signal.
    func run(meanwhile: (ChildProcess) throws -> Void = { _ in }) throws -> Result {
        let folder = try TemporaryFolder()
        let (output, errors) = (try folder.open("output"), try folder.open("errors"))
        defer { for file in [output, errors] { close(file) } }
        let child = try start(output: output, errors: errors)
        try meanwhile(child)
        let status = child.wait()
        return Result(status: status, output: try allText(of: output), errors: try allText(of: errors))
    }

    /// Runs to the end on a terminal, which takes both outputs.
    ///
    /// - Parameters:
    ///   - text: Awaited on the terminal, `times` times; then `signal` is sent.
    func runOnTerminal(
        sending signal: Int32? = nil, after text: String = "", times: Int = 1
    ) throws -> (status: Int32?, text: String) {
        let (leader, follower) = try openTerminal()
        defer { close(leader) }
        let child: ChildProcess
        do {
            defer { close(follower) }
            child = try start(output: follower, errors: follower)
        }
        // The last process that has the terminal open is the program: the end is an error of its own, EIO.
        var received: [UInt8] = []
        var pending = signal
        while true {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = read(leader, &bytes, bytes.count)
            guard count > 0 else { break }
            received += bytes.prefix(count)
            if let signal = pending, String(decoding: received, as: UTF8.self).ranges(of: text).count >= times {
                child.send(signal)
                pending = nil
            }
        }
        return (child.wait(), String(decoding: received, as: UTF8.self))
    }

    /// Starts, sends `signal` at once, at whatever point the program is then, and waits for the end.
    func runSendingAtOnce(_ signal: Int32) throws -> Int32? {
        let nowhere = Glibc.open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(nowhere) }
        let child = try start(output: nowhere, errors: nowhere)
        child.send(signal)
        return child.wait()
    }

    private func start(output: Int32, errors: Int32) throws -> ChildProcess {
        try ChildProcess(
            Self.program, arguments, in: folder.path, environment: environment, output: output, errors: errors)
    }

    /// What was written to a file since it was made.
    private func allText(of file: Int32) throws -> String {
        var bytes = [UInt8](repeating: 0, count: Int(lseek(file, 0, SEEK_END)))
        try #require(pread(file, &bytes, bytes.count, 0) == bytes.count)
        return String(decoding: bytes, as: UTF8.self)
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

    /// A new file for writing and reading; the caller closes it.
    func open(_ name: String) throws -> Int32 {
        let file = Glibc.open(path(name), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        try #require(file >= 0)
        return file
    }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: path(name), atomically: false, encoding: .utf8)
    }
}
