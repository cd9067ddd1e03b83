import CFaults
import Foundation
import Gyre
import GyreObserve
import Synchronization

/// Stops one of two workers by a signal, at whatever instruction it is, while both have more to do than they can; the
/// other goes on, and the watchdog says who stands still and for how long.
func runStall(_ arguments: Arguments, _ report: inout Report) throws {
    let seconds = arguments["seconds", default: 5]
    fault_signals_install()
    let runtime = try Runtime(Runtime.Configuration(workers: 2))
    let ran = Ran()
    let feeder = Feeder()
    let thread = try PosixThread(name: "feeder") { feeder.feed(runtime, ran) }
    let victim = try findWorker(0, of: runtime)

    var watchdog = StallWatchdog(limit: .seconds(1))
    _ = watchdog.observe(runtime.snapshot())
    guard fault_hold(victim) else { throw Trouble("worker 0 has no thread") }
    let began = runtime.clock.now
    let ranBefore = ran.count
    var longest = Duration.zero
    var others: Set<Int> = []
    var firstReport: Duration?
    while began.duration(to: runtime.clock.now) < .seconds(seconds) {
        pass(milliseconds: 50)
        for stall in watchdog.observe(runtime.snapshot()) {
            if stall.worker != 0 { others.insert(stall.worker) }
            if stall.worker == 0 {
                firstReport = firstReport ?? began.duration(to: runtime.clock.now)
                longest = max(longest, stall.duration)
            }
        }
    }
    let ranMeanwhile = ran.count - ranBefore
    fault_release()
    let isOver = eventually { watchdog.observe(runtime.snapshot()).isEmpty }
    feeder.stops.store(true, ordering: .releasing)
    thread.join()
    let drain = runtime.drainBlocking()

    var found: [String] = []
    if ranMeanwhile == 0 { found.append("nothing ran while one of two workers was stopped") }
    if firstReport == nil { found.append("the watchdog did not report the stopped worker") }
    if longest < .seconds(seconds) - .milliseconds(200) { found.append("the stall was reported as \(longest)") }
    if !others.isEmpty { found.append("the watchdog reported workers \(others.sorted()), which were not stopped") }
    if !isOver { found.append("the watchdog reports a stall that is over") }
    if ran.count != feeder.accepted { found.append("\(feeder.accepted) were accepted and \(ran.count) ran") }
    if !drain.isComplete { found.append("the drain did not complete") }
    let reported = firstReport.map { "\(milliseconds($0)) ms" } ?? "never"
    report.row(
        "a worker stopped for \(seconds) s", ranMeanwhile, "tasks run meanwhile, reported after \(reported)",
        found: found)
}

private func milliseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1_000 + duration.components.attoseconds / 1_000_000_000_000_000
}

/// The kernel's number of a worker's thread, from a task that ran there.
func findWorker(_ index: Int, of runtime: Runtime) throws -> Int32 {
    let thread = Atomic<Int32>(0)
    let isFound = try withExtendedLifetime(thread) {
        try eventually {
            let handle = try runtime.post(whenFull: .wait) {
                WorkerSeat(of: runtime.pool)?.index == index ? fault_thread() : 0
            }
            let number = try handle.wait()
            if number != 0 { thread.store(number, ordering: .relaxed) }
            return number != 0
        }
    }
    guard isFound else { throw Trouble("no task ran on worker \(index)") }
    return thread.load(ordering: .relaxed)
}

/// Posts without a pause. The count is its own until it has ended.
final class Feeder: @unchecked Sendable {
    let stops = Atomic<Bool>(false)
    private(set) var accepted: UInt64 = 0

    func feed(_ runtime: Runtime, _ ran: Ran) {
        let clock = runtime.clock
        while !stops.load(ordering: .acquiring) {
            do throws(SubmitError) {
                try runtime.post(whenFull: .wait) {
                    let end = clock.now + .microseconds(2)
                    while clock.now < end {}
                    ran.add()
                }
                accepted += 1
            } catch {
                return  // the counts will not agree, and say so
            }
        }
    }
}
