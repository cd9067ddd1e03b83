import BenchKit
import Glibc

/// A program that answers one line with another, and lives until nobody holds it: its turns lie between those of the
/// others.
final class PeerProgram: @unchecked Sendable {
    // `@unchecked`: subjects take turns on one thread, and only they call.
    private let requests: UnsafeMutablePointer<FILE>
    private let answers: UnsafeMutablePointer<FILE>
    private let process: pid_t
    /// Whether it was ended, or ended by itself.
    private(set) var isOver = false
    /// After which a run is ended; the longest that anybody is meant to take is a second, a million tasks of memory
    /// some more.
    private static let secondsMax: Int32 = 30
    /// Whether runs are made to be short, and ended early. Set before anything is measured, on the thread that does.
    nonisolated(unsafe) static var areRunsShort = false

    /// - Parameter environment: What the program finds in its environment beside what this one has: `NAME=value`.
    init(_ program: String, _ arguments: [String] = [], environment: [String] = []) throws(LeftOut) {
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
        let words = ([program] + arguments).map { strdup($0) } + [nil]
        defer { words.forEach { free($0) } }
        let variables = environment.map { strdup($0) }
        defer { variables.forEach { free($0) } }
        var inherited: [UnsafeMutablePointer<CChar>?] = []
        var next = environ
        while let variable = next.pointee {
            inherited.append(variable)
            next += 1
        }
        guard posix_spawn(&child, program, &actions, nil, words, variables + inherited + [nil]) == 0 else {
            throw LeftOut("its program did not start")
        }
        close(request[0])
        close(answer[1])
        guard let requests = fdopen(request[1], "w"), let answers = fdopen(answer[0], "r") else {
            throw LeftOut("no pipes")
        }
        self.requests = requests
        self.answers = answers
        process = child
        Disturbance.countAsOwn(child)
    }

    deinit { end() }

    /// One line for another: numbers of a run, or the reason why there are none.
    func ask(_ request: String) throws(LeftOut) -> Run {
        guard !isOver else { throw LeftOut("its program has ended") }
        fputs(request + "\n", requests)
        fflush(requests)
        var wanted = pollfd(fd: fileno(answers), events: Int16(POLLIN), revents: 0)
        guard poll(&wanted, 1, Self.secondsMax * 1_000) > 0 else {
            end()
            throw LeftOut("a run was not done after \(Self.secondsMax) s")
        }
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        guard getline(&line, &room, answers) > 0, let line else {
            end()
            throw LeftOut("its program ended")
        }
        let text = String(cString: line)
        if let reason = text.firstRange(of: "left out: ") {
            throw LeftOut(String(text[reason.upperBound...].dropLast()))
        }
        let numbers = text.split { !$0.isNumber }.compactMap { UInt64($0) }
        guard numbers.count == 6 || numbers.count == 9 else { throw LeftOut("its program answered \(text)") }
        var run = Run(
            nanoseconds: numbers[0], operations: numbers[1], countIn: numbers[2], countOut: numbers[3],
            digestIn: numbers[4], digestOut: numbers[5])
        if numbers.count == 9 { (run.p50, run.p99, run.bytes) = (numbers[6], numbers[7], numbers[8]) }
        return run
    }

    /// Builds the programs of these cells' peers before anything is measured: it may take a minute.
    static func build(for cells: [Cell]) {
        let names = Set(cells.flatMap(\.subjects).map(\.name))
        if names.contains("go") { GoPeer.build() }
        if !names.isDisjoint(with: RustPeer.subjects) { RustPeer.build() }
    }

    private func end() {
        guard !isOver else { return }
        isOver = true
        kill(process, SIGKILL)
        while waitpid(process, nil, 0) < 0, errno == EINTR {}
        Disturbance.countAsEnded(process)
        fclose(requests)
        fclose(answers)
    }

    /// The folder of this program: programs that are built for it go there too.
    static var ownFolder: String {
        let own = ownPath
        return own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    }

    static var ownPath: String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        return String(decoding: path.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Where the sources of a peer are.
    static func source(_ name: String) throws(LeftOut) -> String {
        let here = #filePath
        guard let range = here.firstRange(of: "/Sources/bench/") else { throw LeftOut("its source was not found") }
        return here[..<range.lowerBound] + "/Peers/" + name
    }
}
