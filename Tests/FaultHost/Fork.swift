import CFaults
import Foundation
import Gyre

/// Forks from a program whose pool works, from outside and from inside a task.
func runFork(_ arguments: Arguments, _ report: inout Report) throws {
    let forks = arguments["forks", default: 100]
    let runtime = try Runtime(Runtime.Configuration(workers: 2))
    let ran = Ran()
    let feeder = Feeder()
    let thread = try PosixThread(name: "feeder") { feeder.feed(runtime, ran) }
    var found: Set<String> = []
    for fork in 0..<forks {
        let child = fork % 2 == 0 ? FAULT_CHILD_EXITS : FAULT_CHILD_EXECUTES
        let status = fork % 4 < 2 ? fault_fork(child) : try runtime.post(whenFull: .wait) { fault_fork(child) }.wait()
        if status != 0 { found.insert("a child that should have ended well ended with \(status)") }
    }
    feeder.stops.store(true, ordering: .releasing)
    thread.join()
    let drain = runtime.drainBlocking()
    if ran.count != feeder.accepted { found.insert("\(feeder.accepted) were accepted and \(ran.count) ran") }
    if !drain.isComplete { found.insert("the drain did not complete") }
    report.row("forks beside a running pool", UInt64(forks), "forks, \(ran.count) tasks", found: found.sorted())
}
