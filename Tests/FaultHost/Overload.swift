import Foundation
import Gyre
import Synchronization

/// Offers ten tasks for each one that the pool runs, for as long as asked, and counts what becomes of each offer.
///
/// Tenfold by count, not by the clock: how much else the machine does changes how long it takes, not what is shown.
func runOverload(_ arguments: Arguments, _ report: inout Report) throws {
    let seconds = arguments["seconds", default: 30]
    let runtime = try Runtime(Runtime.Configuration(workers: 2))
    let ran = Ran()
    let before = try OwnProcess.residentBytes()
    let ends = runtime.clock.now + .seconds(seconds)
    let offers = (0..<2).map { _ in Offers(perTask: 5, until: ends) }
    let threads = try offers.map { offers in
        try PosixThread(name: "offers") { offers.make(to: runtime, ran: ran) }
    }
    var most = before
    while runtime.clock.now < ends {
        pass(milliseconds: 50)
        most = max(most, try OwnProcess.residentBytes())
    }
    for thread in threads { thread.join() }
    let drain = runtime.drainBlocking()
    let offered = offers.map(\.accepted).reduce(0, +) + offers.map(\.refused).reduce(0, +)
    let accepted = offers.map(\.accepted).reduce(0, +)
    let refused = offers.map(\.refused).reduce(0, +)
    let grown = most - before

    var found: [String] = []
    // Records, queues and seats of the default configuration are 1.1 MB; the rest is room for the allocator's arenas.
    if grown > 8 << 20 { found.append("resident memory grew by \(grown >> 10) KiB, the bound is 8 MiB") }
    if accepted != ran.count { found.append("\(accepted) were accepted and \(ran.count) ran") }
    if refused == 0 { found.append("nothing was refused: this was no overload") }
    if offered < accepted * 9 {
        found.append("\(offered) offers for \(accepted) that ran: less than nine times as many")
    }
    let counted = runtime.snapshot().tasksRefused
    if counted != refused {
        found.append("\(refused) refusals were thrown and \(counted) counted")
    }
    found += offers.compactMap(\.trouble)
    if !drain.isComplete { found.append("the drain did not complete") }
    report.row(
        "10x overload for \(seconds) s", offered,
        "offers, \(accepted) run, \(refused) refused, \(grown >> 10) KiB more resident", found: found)
}

/// The body of a task: waits ten microseconds for something, and what the timer adds. Not work, because a machine that
/// is kept busy for half a minute shows no more than one that is not.
private func work() { pass(microseconds: 10) }

/// One thread's offers. Counts are its own until it has ended.
private final class Offers: @unchecked Sendable {
    /// How many for each task that has run.
    private let perTask: UInt64
    private let ends: MonotonicInstant
    private(set) var accepted: UInt64 = 0
    private(set) var refused: UInt64 = 0
    private(set) var trouble: String?

    /// More than fit at first, so that tasks run at all.
    private static let ahead: UInt64 = 100_000

    init(perTask: UInt64, until ends: MonotonicInstant) {
        self.perTask = perTask
        self.ends = ends
    }

    func make(to runtime: Runtime, ran: Ran) {
        let clock = runtime.clock
        while clock.now < ends {
            let due = ran.count * perTask + Self.ahead
            while accepted + refused < due {
                do throws(SubmitError) {
                    try runtime.post {
                        work()
                        ran.add()
                    }
                    accepted += 1
                } catch .full {
                    refused += 1
                } catch {
                    trouble = "an offer was refused with \(error)"
                    return
                }
            }
            pass(milliseconds: 1)
        }
    }
}
