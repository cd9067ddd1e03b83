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

    // A worker that the machine itself keeps from running, because others want its processors, is no stall in seconds.
    var watchdog = StallWatchdog(limit: .seconds(2))
    guard try eventually({ try holdAwake(victim, runtime) }) else { throw Trouble("worker 0 is never awake") }
    _ = watchdog.observe(runtime.snapshot())
    // From here to the last look the worker stood still, whenever the looks between come.
    let began = runtime.clock.now
    let ranBefore = ran.count
    var longest = Duration.zero
    var others: Set<Int> = []
    var firstReport: Duration?
    var looked = Duration.zero
    while looked < .seconds(seconds) {
        pass(milliseconds: 50)
        looked = began.duration(to: runtime.clock.now)
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
    if longest < looked { found.append("the stall of at least \(looked) was reported as \(longest)") }
    if !others.isEmpty { found.append("the watchdog reported workers \(others.sorted()), which were not stopped") }
    if !isOver { found.append("the watchdog reports a stall that is over") }
    if ran.count != feeder.accepted { found.append("\(feeder.accepted) were accepted and \(ran.count) ran") }
    if !drain.isComplete { found.append("the drain did not complete") }
    let reported = firstReport.map { "\(milliseconds($0)) ms" } ?? "never"
    report.row(
        "a worker stopped for \(seconds) s", ranMeanwhile, "tasks run meanwhile, reported after \(reported)",
        found: found)
}

/// Holds worker 0 unless it sleeps: one that has nothing to do does not stand still.
private func holdAwake(_ thread: Int32, _ runtime: Runtime) throws -> Bool {
    guard fault_hold(thread) else { throw Trouble("worker 0 has no thread") }
    if runtime.snapshot().workers.contains(where: { $0.index == 0 && $0.state == .awake }) { return true }
    fault_release()
    return false
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
