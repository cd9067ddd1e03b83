import Gyre
import GyreCore
import Testing

@Suite struct RunTests {
    @TaskLocal static var trace = "none"

    @Test func theBodyRunsOnAWorkerAndItsValueComesBack() async throws {
        let runtime = try makeRuntime()
        let (isOnWorker, sum) = try await runtime.run {
            async let left = runtime.isWorker
            async let right = runtime.isWorker
            let both = await [left, right]
            return (both == [true, true], 2 + 2)
        }
        #expect(isOnWorker, "child tasks run on the workers too")
        #expect(sum == 4)
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksDone == 1)
    }

    @Test func theCallersTaskLocalsAndPriorityAreKept() async throws {
        let runtime = try makeRuntime()
        let seen = try await Self.$trace.withValue("here") {
            try await runtime.run { (Self.trace, Task.currentPriority) }
        }
        #expect(seen.0 == "here")
        #expect(seen.1 == Task.currentPriority)
        await runtime.finishAsync()
    }

    @Test func theBodysErrorIsThrownUnchanged() async throws {
        let runtime = try makeRuntime()
        await #expect(throws: Failure(number: 5)) { try await runtime.run { throw Failure(number: 5) } }
        await #expect(throws: CancellationError.self) { try await runtime.run { throw CancellationError() } }
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksFailed == 2)
    }

    @Test func cancellingTheCallerCancelsTheBody() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        let caller = Task {
            try await runtime.run {
                try await sleeper.sleep()
                return 1
            }
        }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        caller.cancel()
        await #expect(throws: CancellationError.self) { try await caller.value }
        await runtime.finishAsync()
    }

    @Test func aCallerThatIsCancelledBeforeRunsTheBodyCancelled() async throws {
        let runtime = try makeRuntime()
        let caller = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await runtime.run { Task.isCancelled }
        }
        caller.cancel()
        #expect(try await caller.value)
        await runtime.finishAsync()
    }

    @Test func manyCallersRunAtOnceThroughASmallPool() async throws {
        let runtime = try makeRuntime(inFlight: 4) { $0.submitters = 1 }
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<3_000 {
                group.addTask {
                    try await runtime.run {
                        await Task.yield()
                        return number
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 3_000 * 2_999 / 2)
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksDone == 3_000)
    }

    @Test func afterADrainARunIsRefusedAsClosed() async throws {
        let runtime = try makeRuntime()
        await runtime.finishAsync()
        await #expect { try await runtime.run { 1 } } throws: { ($0 as? GyreError)?.code == .closed }
    }

    @Test func aRunInsideARunStaysOnTheWorkers() async throws {
        let runtime = try makeRuntime(workers: 1)
        let isOnWorker = try await runtime.run { try await runtime.run { runtime.isWorker } }
        #expect(isOnWorker)
        await runtime.finishAsync()
    }
}

extension Runtime {
    /// As ``finish(_:)``, for async tests.
    func finishAsync(_ location: SourceLocation = #_sourceLocation) async {
        let report = await drain(soft: .seconds(patienceSeconds), hard: .seconds(patienceSeconds))
        #expect(report.isComplete, sourceLocation: location)
        #expect(report.abandonedWorkers == 0, sourceLocation: location)
    }
}
