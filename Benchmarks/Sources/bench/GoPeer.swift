import BenchKit
import BenchPeers
import Glibc

/// Go's channels and goroutines: a program of its own, built when it is first asked.
enum GoPeer {
    static func subject(_ shape: Shape) -> Subject {
        Subject("go") { operations in
            let shape = shape.parameters(operations)
            let words = [
                UInt64(shape.kind.rawValue), UInt64(shape.element.rawValue), UInt64(shape.producers),
                UInt64(shape.consumers), UInt64(shape.capacity), shape.operations,
            ]
            return try running.get().ask(words.map(String.init).joined(separator: " "))
        }
    }

    /// Builds the program; why it cannot be built is said by whoever asks it.
    static func build() { _ = program }

    /// Runs for as long as this process does.
    static let running = Result<PeerProgram, LeftOut> { () throws(LeftOut) in try start() }

    /// A process of its own.
    static func start() throws(LeftOut) -> PeerProgram { try PeerProgram(program.get()) }

    private static let program = Result<String, LeftOut> { () throws(LeftOut) in
        let folder = try PeerProgram.source("go")
        guard system("command -v go >/dev/null 2>&1") == 0 else { throw LeftOut("golang-go is not installed") }
        let program = PeerProgram.ownFolder + "/go-peer"
        guard system("cd '\(folder)' && go build -o '\(program)' . 1>&2") == 0 else { throw LeftOut("go build failed") }
        return program
    }
}
