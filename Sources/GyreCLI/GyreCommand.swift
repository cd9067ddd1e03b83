#if CLI
import ArgumentParser
import Glibc

@main
struct GyreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gyre",
        abstract: "An execution core for agent tasks, from the command line.",
        discussion: """
            Exit codes: 0 done, 1 a task failed, 2 usage or bad input, 3 a condition of --fail-if holds, \
            4 interrupted.
            """,
        subcommands: [DemoCommand.self, DoctorCommand.self, BenchCommand.self, StressCommand.self])

    static func main() {
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let failure as CommandFailure {
            emit("gyre: \(failure.text)\n", to: STDERR_FILENO)
            Glibc.exit(failure.code.rawValue)
        } catch let error as any BadInput {
            emit("gyre: \(error)\n", to: STDERR_FILENO)
            Glibc.exit(ExitStatus.usage.rawValue)
        } catch {
            // Help, completions and usage. The library's own code for usage is 64.
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            if !text.isEmpty { emit(text + "\n", to: code.isSuccess ? STDOUT_FILENO : STDERR_FILENO) }
            Glibc.exit(code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue)
        }
    }
}
#else
import Glibc

@main
struct GyreCommand {
    static func main() {
        emit(
            "gyre: the command line was left out of this build; the package trait CLI, on by default, brings it back\n",
            to: STDERR_FILENO)
        exit(ExitStatus.usage.rawValue)
    }
}
#endif
