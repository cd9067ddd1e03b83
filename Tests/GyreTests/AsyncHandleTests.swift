import Gyre
import GyreCore
import Testing

@Suite struct AsyncHandleTests {
    @TaskLocal static var trace = "none"

    @Test func anAsyncBodyRunsOnAWorkerAndItsValueComesBack() async throws {
        let runtime = try makeRuntime()
        let handle = try runtime.post { () async throws -> Bool in
            let before = runtime.isWorker
            await Task.yield()
            return before && runtime.isWorker
        }
        #expect(try await handle.value)
        await runtime.finishAsync()
    }

    @Test func anErrorReachesTheHandleUnchanged() async throws {
        let runtime = try makeRuntime()
        let handle = try runtime.post { () async throws -> Int in
            await Task.yield()
            throw Failure(number: 8)
        }
        await #expect(throws: Failure(number: 8)) { try await handle.value }
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksFailed == 1)
    }

    /// Nobody cancelled it: its own CancellationError is an error like others.
    @Test func aCancellationErrorOfItsOwnIsAFailure() async throws {
        let runtime = try makeRuntime()
        let handle = try runtime.post { () async throws -> Int in throw CancellationError() }
        guard case .failed(let error) = await handle.settled else {
            Issue.record("\(await handle.settled)")
            return
        }
        #expect(error is CancellationError)
        await runtime.finishAsync()
    }

    @Test(arguments: [1, 2]) func moreBodiesAreSuspendedAtOnceThanThereAreRecords(workers: Int) async throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 4) { $0.submitters = 1 }
        let sleepers = (0..<2_000).map { _ in Sleeper() }
        var handles: [TaskHandle<Int>] = []
        for (number, sleeper) in sleepers.enumerated() {
            handles.append(
                try await postUntilTaken(runtime) { () async throws -> Int in
                    try await sleeper.sleep()
                    return number
                })
        }
        for sleeper in sleepers.reversed() { sleeper.wake() }
        for (number, handle) in handles.enumerated() { #expect(try await handle.value == number) }
        await runtime.finishAsync()
        #expect(runtime.snapshot().tasksDone == 2_000)
        #expect(runtime.snapshot().runsLive == 0)
    }

    @Test func runnersAreReusedWithoutMixingBodiesUp() async throws {
        let runtime = try makeRuntime()
        let lives = Tally()
        for round in 0..<50 {
            let handles = try (0..<40).map { number in
                let life = Life(lives)
                return try runtime.post { () async throws -> Int in
                    if number % 3 == 0 { await Task.yield() }
                    return withExtendedLifetime(life) { round * 100 + number }
                }
            }
            for (number, handle) in handles.enumerated() { #expect(try await handle.value == round * 100 + number) }
        }
        await runtime.finishAsync()
        #expect(lives.count == 0, "a settled task holds its body no longer")
    }

    @Test func taskLocalsOfTheCallerAreNotInherited() async throws {
        let runtime = try makeRuntime()
        let seen = try await Self.$trace.withValue("caller") {
            try await runtime.post { () async throws -> String in Self.trace }.value
        }
        #expect(seen == "none")
        await runtime.finishAsync()
    }

    @Test func severalWaitForOneHandle() async throws {
        let runtime = try makeRuntime()
        let sleeper = Sleeper()
        let handle = try runtime.post { () async throws -> Int in
            try await sleeper.sleep()
            return 11
        }
        let waiters = (0..<20).map { _ in Task { try await handle.value } }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        sleeper.wake()
        for waiter in waiters { #expect(try await waiter.value == 11) }
        await runtime.finishAsync()
    }

    @Test func aPoolThatIsFullRefusesAsyncBodiesToo() async throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 2)
        let release = try runtime.occupy(1)
        var taken: [TaskHandle<Int>] = []
        do {
            while true { taken.append(try runtime.post { () async throws -> Int in 1 }) }
        } catch {
            #expect(error == .full)
        }
        release.open()
        for handle in taken { #expect(try await handle.value == 1) }
        await runtime.finishAsync()
        #expect(runtime.snapshot().runsLive == 0, "a refused task does not hold a drain up")
    }

    /// The deadline passes in the queue.
    @Test func aLateAsyncBodyDoesNotRun() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        let release = try runtime.occupy(1)
        let ran = Tally()
        let handle = try runtime.post(deadline: MonotonicInstant(nanoseconds: 2_000)) { () async throws -> Int in
            ran.add()
            return 1
        }
        time.advance(by: .nanoseconds(5_000))
        release.open()
        let settled = await handle.settled
        guard case .timedOut = settled else {
            Issue.record("\(settled)")
            await runtime.finishAsync()
            return
        }
        #expect(ran.count == 0)
        await runtime.finishAsync()
    }
}

/// Posts an async body again until there is room, without blocking a thread that others need.
private func postUntilTaken(
    _ runtime: Runtime, _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> Int
) async throws -> TaskHandle<Int> {
    while true {
        do {
            return try runtime.post(body)
        } catch SubmitError.full {
            await Task.yield()
        }
    }
}
