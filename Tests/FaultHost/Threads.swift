import CFaults
import Foundation
import Gyre

/// The system starts no more threads: at the start of a runtime, at its first timer, and when a spare is wanted.
func runThreads(_ arguments: Arguments, _ report: inout Report) throws {
    try refuseWorkers(&report)
    try refuseTheTimerThread(&report)
    try refuseSpares(&report)
}

private func refuseWorkers(_ report: inout Report) throws {
    fault_allocations_share()
    let (rounds, workers) = (25, 4)
    let threads = try OwnProcess.threads().count
    let descriptors = try OwnProcess.descriptors()
    var addresses: [Int] = []
    var found: Set<String> = []
    for round in 0..<rounds {
        for allowed in 0..<workers {
            fault_threads_allow(Int64(allowed))
            do {
                let runtime = try Runtime(Runtime.Configuration(workers: workers))
                found.insert("a runtime of \(workers) workers came to be with \(allowed) threads")
                runtime.drainBlocking()
            } catch {
                if error.field != "workers" { found.insert("the error names \(error.field)") }
            }
            fault_threads_allow(-1)
        }
        if round == 0 || round == rounds - 1 { addresses.append(try OwnProcess.addressBytes()) }
    }
    if try !eventually({ try OwnProcess.threads().count == threads }) {
        found.insert("\(try OwnProcess.threads().count) threads are left, there were \(threads)")
    }
    if try OwnProcess.descriptors() != descriptors { found.insert("descriptors are left") }
    // A thread that ended and was neither joined nor detached keeps its stack of 8 MB.
    let grown = addresses[1] - addresses[0]
    if grown > 64 << 20 { found.insert("\(grown >> 20) MiB of address space are left, as of threads nobody joined") }
    report.row(
        "no thread for a worker", UInt64(rounds * workers), "runtimes refused, nothing left", found: found.sorted())
}

private func refuseTheTimerThread(_ report: inout Report) throws {
    let runtime = try Runtime(Runtime.Configuration(workers: 2))
    var found: [String] = []
    let tries = 100
    fault_threads_allow(0)
    for _ in 0..<tries {
        // On a worker, so that nothing else needs a thread.
        let handle = try runtime.post { () async throws -> Bool in
            do {
                try await runtime.sleep(for: .milliseconds(1))
                return false
            } catch let refusal as SubmitError {
                return refusal == .full
            }
        }
        if try !handle.wait() { found = ["a sleep without a timer thread was not refused as full"] }
    }
    fault_threads_allow(-1)
    let later = try runtime.post { () async throws -> Bool in
        try await runtime.sleep(for: .milliseconds(1))
        return true
    }
    if try !later.wait() { found.append("no sleep works after threads can be started again") }
    if !runtime.drainBlocking().isComplete { found.append("the drain did not complete") }
    report.row("no thread for timers", UInt64(tries), "sleeps refused as full", found: found)
}

/// One worker, and tasks that wait for each other deeper than it may help before it asks for a spare.
private func refuseSpares(_ report: inout Report) throws {
    let runtime = try Runtime(Runtime.Configuration(workers: 1))
    let ran = Ran()
    let depth = 60
    fault_threads_allow(0)
    let handle = try chain(depth, runtime, ran)
    let isSettled = eventually(seconds: 60) { handle.outcome != nil }
    let refused = fault_threads_refused()
    fault_threads_allow(-1)
    var found: [String] = []
    if !isSettled { found.append("\(depth) tasks that wait for each other hang when no spare can be started") }
    if isSettled, ran.count != depth + 1 { found.append("of \(depth + 1) tasks \(ran.count) ran") }
    if refused == 0 { found.append("no spare was ever asked for: nothing was tried") }
    if isSettled, !runtime.drainBlocking().isComplete { found.append("the drain did not complete") }
    report.row("no thread for a spare", UInt64(depth), "tasks waiting for each other", found: found)
}

/// A deadline keeps a waited-for task from being run on the spot, so each wait is one of a worker for its queue.
private func chain(_ depth: Int, _ runtime: Runtime, _ ran: Ran) throws -> TaskHandle<Int> {
    try runtime.post(deadline: runtime.clock.now + .seconds(3_600)) { () throws -> Int in
        defer { ran.add() }
        return depth == 0 ? 0 : try chain(depth - 1, runtime, ran).wait() + 1
    }
}
