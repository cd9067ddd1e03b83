import CFaults
import Foundation
import Gyre
import Synchronization

/// A thousand signals a second to random threads, whose system calls return early, while tasks run, sleep and park. As
/// many as that is in all, however long a busy machine takes for them.
func runSignals(_ arguments: Arguments, _ report: inout Report) throws {
    let seconds = arguments["seconds", default: 3]
    fault_signals_install()
    let runtime = try Runtime(Runtime.Configuration(workers: 2))
    let stops = SharedStop()
    let storm = try PosixThread(name: "storm") { interruptRandomThreads(until: stops) }
    let clock = runtime.clock
    let ends = clock.now + .seconds(seconds)
    let (tasks, sleeps) = (Ran(), Ran())
    var (posted, slept): (UInt64, UInt64) = (0, 0)
    var found: [String] = []
    let signalsWanted = UInt64(seconds) * 1_000
    while clock.now < ends || fault_interruptions() < signalsWanted {
        for _ in 0..<2_000 {
            try runtime.post(whenFull: .wait) { tasks.add() }
            posted += 1
        }
        let sleepers = try (0..<20).map { milliseconds in
            try runtime.post { () async throws -> Bool in
                let due = clock.now + .milliseconds(milliseconds)
                try await runtime.sleep(until: due)
                sleeps.add()
                return clock.now >= due
            }
        }
        slept += UInt64(sleepers.count)
        // Meanwhile workers park, and this thread waits in the kernel too.
        for sleeper in sleepers where try !sleeper.wait() { found.append("a sleep ended before its time") }
    }
    let drain = runtime.drainBlocking()
    stops.word.store(true, ordering: .releasing)
    storm.join()
    let signals = fault_interruptions()
    if tasks.count != posted { found.append("of \(posted) tasks \(tasks.count) ran") }
    if sleeps.count != slept { found.append("of \(slept) sleepers \(sleeps.count) woke") }
    if !drain.isComplete { found.append("the drain did not complete") }
    report.row(
        "signals that interrupt system calls", signals, "signals, \(posted) tasks, \(slept) sleeps",
        found: found)
}

private final class SharedStop: Sendable {
    let word = Atomic<Bool>(false)
}

private func interruptRandomThreads(until stops: SharedStop) {
    let own = fault_thread()
    var threads: [Int32] = []
    for tick in 0... {
        if stops.word.load(ordering: .acquiring) { return }
        // A list that cannot be read now is read in a moment; the threads of before do until then.
        if tick % 64 == 0, let now = try? OwnProcess.threads() { threads = now.filter { $0 != own } }
        if let thread = threads.randomElement() { _ = fault_interrupt(thread) }
        pass(milliseconds: 1)
    }
}
