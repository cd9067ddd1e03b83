import Foundation
import Gyre
import Synchronization

private let bytesPerMillionMax = 1_024.0

/// Ten million tasks, and what they leave behind: nothing.
///
/// Two pages that come in the middle and stay are a slope as well, but not twice: what grows is looked at again, over
/// as many tasks, and a leak grows each time.
func runMemory(_ arguments: Arguments, _ report: inout Report) throws {
    let millions = arguments["millions", default: 10]
    let threadsBefore = try OwnProcess.threads().count
    let descriptorsBefore = try OwnProcess.descriptors()
    let ran = Ran()
    var posted: UInt64 = 0
    var slopes: [Double] = []
    do {
        let runtime = try Runtime(Runtime.Configuration(workers: 2))
        try fill(runtime)
        repeat {
            var samples: [(tasks: Double, bytes: Double)] = []
            // The first millions bring everything else into memory that is ever used: stacks, arenas, code.
            for million in -2..<millions {
                for _ in 0..<1_000_000 {
                    try runtime.post(whenFull: .wait) { ran.add() }
                }
                posted += 1_000_000
                guard runtime.pool.waitUntilQuiet(until: nil) else { throw Trouble("the pool does not come to rest") }
                let bytes = try OwnProcess.residentBytes()  // the first look allocates itself
                if million >= 0 { samples.append((Double(million), Double(bytes))) }
            }
            slopes.append(leastSquaresSlope(samples))
        } while slopes.count < 3 && slopes.allSatisfy { $0 >= bytesPerMillionMax }
        runtime.drainBlocking()
    }
    let told = slopes.map { String(Int($0.rounded())) }.joined(separator: ", then ")
    var found: [String] = []
    if ran.count != posted { found.append("of \(posted) tasks \(ran.count) ran") }
    if slopes.allSatisfy({ $0 >= bytesPerMillionMax }) {
        found.append("resident memory grows by \(told) bytes per million tasks")
    }
    report.row("resident memory", posted, "tasks, \(told) bytes per million", found: found)

    let isBack = try eventually { try OwnProcess.threads().count == threadsBefore }
    let (threads, descriptors) = (try OwnProcess.threads().count, try OwnProcess.descriptors())
    var left: [String] = []
    if !isBack { left.append("\(threads) threads after the drain, \(threadsBefore) at the start") }
    if descriptors != descriptorsBefore {
        left.append("\(descriptors) descriptors after the drain, \(descriptorsBefore) at the start")
    }
    report.row("threads and descriptors after a drain", UInt64(threads + descriptors), "left, as before", found: left)
}

/// Touches every record once: both workers wait while the pool is filled.
private func fill(_ runtime: Runtime) throws {
    let gate = DispatchSemaphore(value: 0)
    for _ in 0..<2 { try runtime.post { gate.wait() } }
    var isFull = false
    while !isFull {
        do throws(SubmitError) { try runtime.post {} } catch .full { isFull = true } catch { throw error }
    }
    for _ in 0..<2 { gate.signal() }
    guard runtime.pool.waitUntilQuiet(until: nil) else { throw Trouble("the pool does not come to rest") }
}

/// Bytes by million tasks.
private func leastSquaresSlope(_ samples: [(tasks: Double, bytes: Double)]) -> Double {
    let count = Double(samples.count)
    let meanTasks = samples.map(\.tasks).reduce(0, +) / count
    let meanBytes = samples.map(\.bytes).reduce(0, +) / count
    let covariance = samples.map { ($0.tasks - meanTasks) * ($0.bytes - meanBytes) }.reduce(0, +)
    let variance = samples.map { ($0.tasks - meanTasks) * ($0.tasks - meanTasks) }.reduce(0, +)
    return variance == 0 ? 0 : covariance / variance
}

/// How many bodies ran.
final class Ran: Sendable {
    private let number = Atomic<UInt64>(0)
    var count: UInt64 { number.load(ordering: .sequentiallyConsistent) }
    func add() { number.add(1, ordering: .relaxed) }
}
