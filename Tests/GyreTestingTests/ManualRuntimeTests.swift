import GyreCore
import GyrePolicy
import GyreTesting
import Testing

@testable import Gyre

/// What is there when a call that moves a manual runtime returns is all that there will be.
@Suite struct ManualRuntimeTests {
    @Test func nothingRunsUntilItIsMoved() throws {
        let test = try ManualRuntime()
        let task = test.start { 7 }
        #expect(task.isPending)
        test.settle()
        #expect(try task.result?.get() == 7)
        #expect(test.finish().isComplete)
    }

    @Test func aSleeperWakesAtItsInstantAndNotBefore() throws {
        let test = try ManualRuntime()
        let (runtime, start) = (test.runtime, test.now)
        let task = test.start {
            try await runtime.sleep(for: .seconds(60))
            return runtime.clock.now
        }
        test.advance(by: .seconds(60) - .nanoseconds(1))
        #expect(task.isPending && test.nextTimer == start + .seconds(60))
        test.advance(by: .nanoseconds(1))
        #expect(try task.result?.get() == start + .seconds(60))
        #expect(test.nextTimer == nil)
        #expect(test.finish().isComplete)
    }

    /// 200 tasks of ten naps each, in one call: each nap ends at its own instant, and they end in order of time.
    @Test(arguments: 0..<20 as Range<UInt64>) func oneCallRunsAllThatBecomesDueInOrder(seed: UInt64) throws {
        let test = try ManualRuntime(seed: seed)
        let (runtime, start) = (test.runtime, test.now)
        let log = EventLog<Int>(test.runtime.clock)
        let tasks = (0..<200).map { number in
            test.start {
                for nap in 1...10 {
                    try await runtime.sleep(for: .milliseconds(number + 1))
                    log.record(number)
                    let due = start + .milliseconds((number + 1) * nap)
                    if runtime.clock.now != due { throw Misfit(number: number) }
                }
            }
        }
        test.advance(by: .seconds(3))
        for task in tasks { try task.result?.get() }
        #expect(tasks.allSatisfy { !$0.isPending })
        let instants = log.events.map(\.instant)
        #expect(instants.count == 2_000 && instants == instants.sorted())
        #expect(test.now == start + .seconds(3))
        #expect(test.finish().isComplete)
    }

    /// Ten tasks hand a turn around by yielding: what the order is follows from the seed.
    @Test func aSeedIsAnOrder() throws {
        func order(seed: UInt64) throws -> [Int] {
            let test = try ManualRuntime(seed: seed, .init(workers: 4))
            let log = EventLog<Int>(test.runtime.clock)
            let runtime = test.runtime
            for number in 0..<40 {
                test.start {
                    try await runtime.post {
                        log.record(number)
                        await Task.yield()
                        log.record(number)
                        for child in 1...3 { try runtime.post { log.record(number + 100 * child) } }
                    }.value
                }
            }
            test.settle()
            #expect(test.finish().isComplete)
            return log.events.map(\.value)
        }
        let orders = try (0..<8).map { try order(seed: $0) }
        #expect(try (0..<8).map { try order(seed: $0) } == orders)
        #expect(Set(orders).count > 1)
        #expect(orders.allSatisfy { $0.count == 200 })
    }

    @Test func runGoesFromTimerToTimer() throws {
        let test = try ManualRuntime()
        let (runtime, start) = (test.runtime, test.now)
        let value = try test.run {
            try await runtime.sleep(for: .seconds(3_600))
            try await runtime.sleep(for: .seconds(3_600))
            return 3
        }
        #expect(value == 3 && start.duration(to: test.now) == .seconds(7_200))
        #expect(throws: Misfit(number: 1)) { try test.run { throw Misfit(number: 1) } }
        #expect(test.finish().isComplete)
    }

    @Test func whatTimeDoesNotBringIsStuck() throws {
        let test = try ManualRuntime()
        let (stream, outside) = AsyncStream<Int>.makeStream()
        let task = test.start { await stream.first { _ in true } }
        #expect(throws: StuckError()) { try test.finish(task) }
        outside.yield(5)
        test.settle()
        #expect(try task.result?.get() == 5)
        #expect(test.finish().isComplete)
    }

    /// Whoever puts out what nobody reads waits for no time to pass, however often he would be looked after.
    @Test func aWatchedStreamThatNobodyReadsIsStuck() throws {
        let test = try ManualRuntime()
        let stream = try test.runtime.stream(of: Int.self, capacity: 1, idle: .seconds(1)) { output in
            for number in 0..<2 { try await output.send(number) }
        }
        let (never, outside) = AsyncStream<Int>.makeStream()
        let task = test.start { await never.first { _ in true } }
        #expect(throws: StuckError()) { try test.finish(task) }
        outside.finish()
        stream.cancel()
        test.settle()
        #expect(test.finish().isComplete)
    }

    @Test func aCancelledTaskEndsAtOnce() throws {
        let test = try ManualRuntime()
        let runtime = test.runtime
        let task = test.start { try await runtime.sleep(for: .seconds(60)) }
        test.settle()
        task.cancel()
        test.settle()
        #expect(task.error is CancellationError)
        #expect(test.finish().isComplete)
    }

    /// Children of a task, and a deadline, on the thread of the test.
    @Test func childrenAndDeadlinesKeepManualTimeToo() throws {
        let test = try ManualRuntime()
        let (runtime, start) = (test.runtime, test.now)
        let outcome = try test.run {
            try await runtime.run(deadline: start + .seconds(1)) {
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 1...100 {
                        group.addTask {
                            try await runtime.sleep(for: .milliseconds(number))
                            return number
                        }
                    }
                    return try await group.reduce(0, +)
                }
            }
        }
        #expect(outcome == 5_050 && start.duration(to: test.now) == .milliseconds(100))
        let late = #expect(throws: GyreError.self) {
            try test.run {
                try await runtime.run(deadline: start + .seconds(1)) { try await runtime.sleep(for: .seconds(9)) }
            }
        }
        #expect(late?.code == .deadlineExceeded && test.now == start + .seconds(1))
        #expect(test.finish().isComplete)
    }

    // MARK: - Drain

    @Test func whatHasNotEndedIsCancelledAndSaid() throws {
        let test = try ManualRuntime()
        let runtime = test.runtime
        let task = test.start { try await runtime.run { try await runtime.sleep(for: .seconds(60)) } }
        let report = test.finish()
        #expect(report == DrainReport(isComplete: false, abandonedWorkers: 0, unfinishedRuns: 0))
        #expect(task.error is CancellationError)
        #expect(test.finish() == report, "a second one finds nothing to do")
    }

    /// Whoever waits for time, a turn or a value is told, on the thread of the test and before the call returns.
    @Test func aDrainTellsAllWhoWait() throws {
        let test = try ManualRuntime()
        let runtime = test.runtime
        let paused = try Dependency("paused", on: runtime, .none)
        paused.pause()
        let one = try Bulkhead(permits: 1, waitersMax: 4, waitMax: .seconds(90))
        let full = try Dependency("full", on: runtime, .init(bulkhead: one))
        let slow = try Dependency("slow", on: runtime, .init(rateLimit: RateLimit(1, per: .seconds(60))))
        try test.run { try await slow.call { _ in } }
        let sleeper = test.start { try await runtime.sleep(for: .seconds(60)) }
        let calls = [
            test.start { try await paused.call { _ in } },
            test.start { try await slow.call { _ in } },
            test.start { try await full.call { _ in try await runtime.sleep(for: .seconds(60)) } },
            test.start { try await full.call { _ in } },
        ]
        test.settle()
        #expect(calls.allSatisfy(\.isPending) && sleeper.isPending)
        test.finish()
        #expect(sleeper.error is CancellationError)
        #expect(calls.allSatisfy { !$0.isPending }, "\(calls)")
        #expect(calls.prefix(2).allSatisfy { ($0.error as? GyreError)?.code == .closed }, "\(calls)")
        #expect(test.nextTimer == nil)
    }

    /// The soft limit lets work end; time moves no further than it must.
    @Test(arguments: [(sleep: 5, end: 5, isComplete: true), (sleep: 60, end: 10, isComplete: false)])
    func softIsWaitedForInVirtualTime(sleep: Int, end: Int, isComplete: Bool) throws {
        let test = try ManualRuntime()
        let (runtime, start) = (test.runtime, test.now)
        let task = test.start { try await runtime.post { try await runtime.sleep(for: .seconds(sleep)) }.value }
        test.settle()
        let report = test.finish(soft: .seconds(10), hard: .seconds(30))
        #expect(report.isComplete == isComplete && report.unfinishedRuns == 0)
        #expect(start.duration(to: test.now) == .seconds(end))
        #expect(!task.isPending && (task.error == nil) == isComplete)
    }

    @Test func hardGivesUpWhatDoesNotEnd() throws {
        let test = try ManualRuntime()
        let (runtime, start) = (test.runtime, test.now)
        let outside = Lock<UnsafeContinuation<Void, Never>?>(nil)
        test.start {
            try await runtime.run {
                await withUnsafeContinuation { continuation in outside.withLock { $0 = continuation } }
            }
        }
        let report = test.finish(soft: .seconds(10), hard: .seconds(30))
        #expect(report == DrainReport(isComplete: false, abandonedWorkers: 0, unfinishedRuns: 1))
        #expect(start.duration(to: test.now) == .seconds(30))
        outside.withLock { $0 }?.resume()
    }

    /// A program that drains its runtime itself, under test.
    @Test func aBodyMayDrainTheRuntime() throws {
        let test = try ManualRuntime()
        let (runtime, start) = (test.runtime, test.now)
        let worker = test.start { try await runtime.post { try await runtime.sleep(for: .seconds(60)) }.value }
        test.settle()
        let drain = test.start { await runtime.drain(soft: .seconds(10), hard: .seconds(30)) }
        test.settle()
        #expect(drain.isPending && worker.isPending)
        #expect(throws: SubmitError.closed) { try runtime.post {} }
        test.advance(by: .seconds(9))
        #expect(drain.isPending && worker.isPending)
        test.advance(by: .seconds(1))
        #expect(worker.error != nil && start.duration(to: test.now) == .seconds(10))
        #expect(try drain.result?.get() == DrainReport(isComplete: false, abandonedWorkers: 0, unfinishedRuns: 0))
        #expect(test.finish().unfinishedRuns == 0)
    }
}

struct Misfit: Error, Equatable {
    let number: Int
}
