import Dispatch
import Glibc
import Synchronization
import Testing

/// A program that was started with outputs of its own and is waited for.
///
/// Not Foundation's Process, which leaves a few bytes behind that the leak checker finds.
final class ChildProcess: Sendable {
    let identifier: pid_t
    /// Whether the identifier is free for others again: nothing is sent to it then.
    private let isGone = Mutex(false)

    /// - Parameters:
    ///   - environment: All of it.
    ///   - output: An open descriptor that becomes the standard output, and the next one the standard error.
    init(
        _ program: String, _ arguments: [String], in folder: String, environment: [String: String], output: Int32,
        errors: Int32
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        try Self.addFolder(&actions, folder)
        var identifier = pid_t()
        let code = Self.withStrings([program] + arguments) { arguments in
            Self.withStrings(environment.map { "\($0)=\($1)" }) { environment in
                posix_spawn(&identifier, program, &actions, nil, arguments, environment)
            }
        }
        try #require(code == 0, "\(program): \(String(cString: strerror(code)))")
        self.identifier = identifier
        // One that hangs is killed, so that its test fails instead of hanging too, wherever the test waits for it.
        DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(120)) { self.send(SIGKILL) }
    }

    /// The module of the C library leaves this function out, so the linker is asked for it.
    private static func addFolder(_ actions: inout posix_spawn_file_actions_t, _ folder: String) throws {
        typealias AddFolder =
            @convention(c) (UnsafeMutablePointer<posix_spawn_file_actions_t>, UnsafePointer<CChar>) -> Int32
        let symbol = try #require(dlsym(nil, "posix_spawn_file_actions_addchdir_np"))
        try #require(unsafeBitCast(symbol, to: AddFolder.self)(&actions, folder) == 0)
    }

    /// Sends a signal unless the program has ended.
    func send(_ signal: Int32) {
        isGone.withLock { isGone in
            if !isGone { kill(identifier, signal) }
        }
    }

    /// Waits for the end. Returns the exit code, or nil when a signal ended the program.
    func wait() -> Int32? {
        // First wait without freeing the identifier, so that it is freed under the lock.
        var info = siginfo_t()
        while waitid(P_PID, id_t(identifier), &info, WEXITED | WNOWAIT) == -1, errno == EINTR {}
        return isGone.withLock { isGone in
            isGone = true
            var status: Int32 = 0
            waitpid(identifier, &status, 0)
            return status & 0x7f == 0 ? (status >> 8) & 0xff : nil
        }
    }

    /// Calls `body` with C strings and a null at their end.
    private static func withStrings<Result>(
        _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
