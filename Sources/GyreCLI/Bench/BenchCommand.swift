#if CLI
import ArgumentParser

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure the ring, submits or graphs on this machine.",
        discussion: """
            Open loop by default: operations begin at instants that are fixed before the first one. The response time \
            counts from there, the service time from the actual start; where they differ, operations waited for their \
            start. With --rate max the next one begins as soon as there is room; both times are the same then.

            Every run proves that the operations that ended are those that began.

            Runs that are kept lie in $XDG_STATE_HOME/gyre/bench, or ~/.local/state/gyre/bench.

            Exit codes: 0 done, 1 operations were lost, 2 usage or bad input, 3 a condition of --fail-if holds, \
            4 interrupted.
            """,
        subcommands: [BenchRingCommand.self, BenchSubmitCommand.self, BenchGraphCommand.self])
}

struct BenchRingCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ring",
        abstract: "Push elements into a ring of 1,024; as many threads as workers pop them.")

    @OptionGroup var options: BenchOptions

    func run() throws { try BenchSession(options, .ring).run() }
}

struct BenchSubmitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "submit",
        abstract: "Submit empty tasks, from the submit to the end of the task.")

    @Option(name: .long, help: "How they are submitted.")
    var level = BenchLevel.post

    @OptionGroup var options: BenchOptions

    func run() throws { try BenchSession(options, .submit(level)).run() }
}

struct BenchGraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Submit runs of a graph of five empty nodes, from the submit to the end of the last node.")

    @OptionGroup var options: BenchOptions

    func run() throws { try BenchSession(options, .graph).run() }
}

extension BenchLevel: ExpressibleByArgument {}
#endif
