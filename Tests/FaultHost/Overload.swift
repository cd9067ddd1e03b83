import Foundation
import Gyre
import Synchronization

/// Offers ten times what the pool can run, for as long as asked, and counts what becomes of each offer.
func runOverload(_ arguments: Arguments, _ report: inout Report) throws {
    let seconds = arguments["seconds", default: 30]
    let runtime = try Runtime(Runtime.Configuration(workers: 2))
    let capacity = try measureCapacity(runtime)
    let rate = capacity * 10
    let refusedBefore = runtime.snapshot().tasksRefused  // posts that waited for room
    let ran = Ran()
    let before = try OwnProcess.residentBytes()
    let ends = runtime.clock.now + .seconds(seconds)
    let offers = (0..<2).map { _ in Offers(rate: rate / 2, until: ends) }
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
    if offered < accepted * 5 {
        found.append("\(offered) offers for \(accepted) that ran: less than five times as many")
    }
    let counted = runtime.snapshot().tasksRefused - refusedBefore
    if counted != refused {
        found.append("\(refused) refusals were thrown and \(counted) counted")
    }
    found += offers.compactMap(\.trouble)
    if !drain.isComplete { found.append("the drain did not complete") }
    report.row(
        "10x overload for \(seconds) s", offered,
        "offers, \(accepted) run, \(refused) refused, \(grown >> 10) KiB more resident", found: found)
}

/// The body of a task: ten microseconds of work.
private func work(_ clock: MonotonicClock) {
    let end = clock.now + .microseconds(10)
    while clock.now < end {}
}

/// Tasks a second that the pool runs when there is always one more.
private func measureCapacity(_ runtime: Runtime) throws -> Double {
    let count = 30_000
    let clock = runtime.clock
    let began = clock.now
    for _ in 0..<count { try runtime.post(whenFull: .wait) { work(clock) } }
    guard runtime.pool.waitUntilQuiet(until: nil) else { throw Trouble("the pool does not come to rest") }
    return Double(count)
        / (Double(began.duration(to: clock.now).components.attoseconds) / 1e18
            + Double(began.duration(to: clock.now).components.seconds))
}

/// One thread's offers. Counts are its own until it has ended.
private final class Offers: @unchecked Sendable {
    private let rate: Double
    private let ends: MonotonicInstant
    private(set) var accepted: UInt64 = 0
    private(set) var refused: UInt64 = 0
    private(set) var trouble: String?

    init(rate: Double, until ends: MonotonicInstant) {
        self.rate = rate
        self.ends = ends
    }

    /// Open loop: how many are due follows from the time alone, not from how the pool fares.
    func make(to runtime: Runtime, ran: Ran) {
        let clock = runtime.clock
        let began = clock.now
        while clock.now < ends {
            let elapsed = Double(clock.now.nanoseconds - began.nanoseconds) / 1e9
            while Double(accepted + refused) < elapsed * rate {
                do throws(SubmitError) {
                    try runtime.post {
                        work(clock)
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
