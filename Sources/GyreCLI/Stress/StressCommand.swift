#if CLI
import ArgumentParser
import Glibc
import Gyre
import GyreObserve

struct StressCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stress",
        abstract: "Prove on this machine that each task runs exactly once.",
        discussion: """
            Rounds of work in every way of submitting it: fired, posted, with deadlines, cancelled, async, nested and \
            in graphs, by several threads, on runtimes of many shapes, some of which are drained in the middle. After \
            each round a ledger holds every submit against its body and its outcome.

            Exit codes: 0 every submit had exactly one fate, 1 one had not, 2 usage, 4 interrupted.
            """)

    @Option(name: .long, help: "Chooses the rounds. Without it, another one each time; it is printed.")
    var seed: UInt64 = .random(in: 0...UInt64(UInt32.max))

    @Option(name: .long, help: "For how long.")
    var minutes = 1.0

    @Option(name: .long, help: "Only this round, over and over: to look for a finding again.")
    var round: UInt64?

    func validate() throws {
        if !(minutes > 0 && minutes <= 10_000) {
            throw ValidationError("--minutes \(minutes): a number above 0 and up to 10000 is needed")
        }
    }

    func run() throws {
        Interruption.install()
        let clock = ContinuousClock()
        let began = clock.now
        let end = began + .seconds(minutes * 60)
        var line = ProgressLine()
        var summary = StressSummary(seed: seed)
        // One round at least, or a short time would show nothing.
        repeat {
            let plan = StressPlan(seed: seed, round: round ?? UInt64(summary.rounds))
            let ledger = try StressRound(plan: plan).run()
            summary.add(ledger, of: plan)
            line.update { summary.progress(after: began.duration(to: clock.now)) }
        } while summary.findings.isEmpty && clock.now < end && Interruption.signal == nil
        line.clear()
        guard emit(summary.text(after: began.duration(to: clock.now)), to: STDOUT_FILENO) else {
            throw CommandFailure(code: .usage, text: "standard output: \(systemErrorText(errno))")
        }
        if !summary.findings.isEmpty { throw CommandFailure(code: .taskFailed, text: summary.complaint) }
        if let signal = Interruption.signal {
            throw CommandFailure(
                code: .interrupted, text: "interrupted by signal \(signal): every round that began was ended")
        }
    }
}
#endif
