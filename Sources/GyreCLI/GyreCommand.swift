#if CLI
import ArgumentParser

@main
struct GyreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gyre",
        abstract: "An execution core for agent tasks, from the command line.")
}
#else
import Glibc

@main
struct GyreCommand {
    static func main() {
        let text = """
            gyre: the command line was left out of this build; the package trait CLI, on by default, brings it back: \
            swift build

            """
        _ = write(STDERR_FILENO, text, text.utf8.count)
        exit(2)
    }
}
#endif
