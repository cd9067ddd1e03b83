import BenchKit
import BenchPeers
import Glibc

/// The Go channel: a program of its own, built when it is first asked, that answers one line with another. It lives as
/// long as this process, so that its turns lie between those of the others.
final class GoPeer: @unchecked Sendable {
    // `@unchecked`: subjects take turns on one thread, and only they call.
    private let requests: UnsafeMutablePointer<FILE>
    private let answers: UnsafeMutablePointer<FILE>

    static func subject(_ shape: Shape) -> Subject {
        Subject("go") { operations in
            switch shared {
            case .success(let peer): try peer.run(shape.parameters(operations))
            case .failure(let reason): throw reason
            }
        }
    }

    private static let shared = Result<GoPeer, LeftOut> { () throws(LeftOut) in try GoPeer() }

    private init() throws(LeftOut) {
        let here = #filePath
        guard let range = here.firstRange(of: "/Sources/bench/") else { throw LeftOut("its source was not found") }
        let folder = here[..<range.lowerBound] + "/Peers/go"
        guard system("command -v go >/dev/null 2>&1") == 0 else { throw LeftOut("golang-go is not installed") }
        let program = Self.programPath
        guard system("cd '\(folder)' && go build -o '\(program)' . 1>&2") == 0 else { throw LeftOut("go build failed") }
        (requests, answers) = try Self.start(program)
    }

    /// Beside this program, in the build folder.
    private static var programPath: String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        let own = String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ".") + "/go-channel"
    }

    private static func start(
        _ program: String
    ) throws(LeftOut) -> (UnsafeMutablePointer<FILE>, UnsafeMutablePointer<FILE>) {
        var request: [Int32] = [0, 0]
        var answer: [Int32] = [0, 0]
        guard pipe(&request) == 0, pipe(&answer) == 0 else { throw LeftOut("no pipes") }
        // The child gets its ends by name below and none of these.
        for end in request + answer { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, request[0], STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, answer[1], STDOUT_FILENO)
        var child: pid_t = 0
        let arguments = [strdup(program), nil]
        defer { free(arguments[0]) }
        guard posix_spawn(&child, program, &actions, nil, arguments, environ) == 0 else {
            throw LeftOut("its program did not start")
        }
        close(request[0])
        close(answer[1])
        guard let requests = fdopen(request[1], "w"), let answers = fdopen(answer[0], "r") else {
            throw LeftOut("no pipes")
        }
        Disturbance.countAsOwn(child)
        return (requests, answers)
    }

    private func run(_ shape: bench_shape) throws(LeftOut) -> Run {
        let request = [
            UInt64(shape.kind.rawValue), UInt64(shape.element.rawValue), UInt64(shape.producers),
            UInt64(shape.consumers), UInt64(shape.capacity), shape.operations,
        ]
        fputs(request.map(String.init).joined(separator: " ") + "\n", requests)
        fflush(requests)
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        guard getline(&line, &room, answers) > 0, let line else { throw LeftOut("its program ended") }
        let numbers = String(cString: line).split { !$0.isNumber }.compactMap { UInt64($0) }
        guard numbers.count == 6 else { throw LeftOut("its program answered \(String(cString: line))") }
        return Run(
            nanoseconds: numbers[0], operations: numbers[1], countIn: numbers[2], countOut: numbers[3],
            digestIn: numbers[4], digestOut: numbers[5])
    }
}
