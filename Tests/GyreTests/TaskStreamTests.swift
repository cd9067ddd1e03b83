import GyreCore
import Testing

@testable import Gyre

/// Outputs that are read while their task runs.
@Suite struct TaskStreamTests {
    @Test(arguments: [1, 2, 64]) func everyElementIsReadInOrder(capacity: Int) async throws {
        let runtime = try makeRuntime()
        let stream = try runtime.stream(of: Int.self, capacity: capacity) { output in
            for number in 0..<2_000 { try await output.send(number) }
        }
        var numbers: [Int] = []
        for try await number in stream { numbers.append(number) }
        #expect(numbers == Array(0..<2_000))
        #expect(stream.dropped == 0 && stream.firstOutput != nil)
        await runtime.finishAsync()
    }

    @Test func theBodyRunsAheadByTheCapacityAndNoFurther() async throws {
        let runtime = try makeRuntime()
        let sent = Tally()
        let stream = try runtime.stream(of: Int.self, capacity: 3) { output in
            for number in 0..<10 {
                try await output.send(number)
                sent.add()
            }
        }
        #expect(await eventuallyAsync { sent.count == 3 })
        var reader = stream.makeAsyncIterator()
        for number in 0..<10 {
            #expect(try await reader.next() == number)
            #expect(await eventuallyAsync { sent.count == min(10, number + 4) })
        }
        #expect(try await reader.next() == nil)
        await runtime.finishAsync()
    }

    @Test func theOldestMakesRoomWhereThatIsWanted() async throws {
        let runtime = try makeRuntime()
        let done = Tally()
        let stream = try runtime.stream(of: Int.self, capacity: 4, overflow: .dropOldest) { output in
            for number in 0..<10 { try await output.send(number) }
            done.add()
        }
        #expect(await eventuallyAsync { done.count == 1 })
        var numbers: [Int] = []
        for try await number in stream { numbers.append(number) }
        #expect(numbers == [6, 7, 8, 9] && stream.dropped == 6)
        await runtime.finishAsync()
    }

    @Test func theFirstOutputIsStamped() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime { $0.clock = clock }
        let mayGo = Tally()
        let stream = try runtime.stream(of: Int.self) { output in
            while mayGo.count == 0 { await Task.yield() }
            try await output.send(1)
            try await output.send(2)
        }
        #expect(stream.firstOutput == nil)
        time.advance(by: .seconds(3))
        mayGo.add()
        var reader = stream.makeAsyncIterator()
        #expect(try await reader.next() == 1)
        time.advance(by: .seconds(3))
        #expect(try await reader.next() == 2)
        #expect(stream.firstOutput == MonotonicInstant(nanoseconds: 3_000_001_000))
        await runtime.finishAsync()
    }

    /// A body that is silent for too long, from its start or after an element, is cancelled; its reader does not wait.
    @Test(arguments: [0, 2]) func aSilentBodyIsGivenUp(elements: Int) async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime { $0.clock = clock }
        let sleeper = Sleeper()
        let cancelled = Tally()
        let stream = try runtime.stream(of: Int.self, idle: .seconds(2)) { output in
            for number in 0..<elements { try await output.send(number) }
            do { try await sleeper.sleep() } catch { cancelled.add() }
        }
        #expect(await eventuallyAsync { sleeper.isAsleep })
        try await runtime.pass(.seconds(2) - .nanoseconds(1), time)
        #expect(sleeper.isAsleep && runtime.timers.waiting == 1)
        try await runtime.pass(.nanoseconds(1), time)
        var reader = stream.makeAsyncIterator()
        for number in 0..<elements { #expect(try await reader.next() == number) }
        await #expect(throws: StreamTimeout(idle: .seconds(2))) { try await reader.next() }
        #expect(await eventuallyAsync { cancelled.count == 1 })
        await runtime.finishAsync()
    }

    /// Each element counts from anew; a body that waits for its reader is not silent; no timer is left at the end.
    @Test func aBodyThatShowsLifeGoesOn() async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime { $0.clock = clock }
        let (sent, mayGo) = (Tally(), Tally())
        let stream = try runtime.stream(of: Int.self, capacity: 1, idle: .seconds(2)) { output in
            for number in 0..<4 {
                try await output.send(number)
                sent.add()
                while mayGo.count <= number { await Task.yield() }
            }
            try await output.send(4)
        }
        var reader = stream.makeAsyncIterator()
        for number in 0..<4 {
            #expect(await eventuallyAsync { sent.count == number + 1 })
            try await runtime.pass(.seconds(2) - .microseconds(1), time)
            if number < 3 { #expect(try await reader.next() == number) }
            mayGo.add()
        }
        // The fifth waits for room, for longer than the body might be silent. No timer runs for it meanwhile.
        #expect(await eventuallyAsync { stream.core.sign == .waitsForReader })
        for _ in 0..<5 { try await runtime.pass(.seconds(1), time) }
        #expect(runtime.timers.waiting == 0)
        #expect(try await reader.next() == 3)
        #expect(try await reader.next() == 4)
        #expect(try await reader.next() == nil)
        #expect(await eventuallyAsync { runtime.timers.waiting == 0 })
        await runtime.finishAsync()
    }

    /// It is counted from when the reader let the body go on, by reading or by the cancel of a send.
    @Test(arguments: [true, false]) func aBodyThatWaitedIsWatchedAgain(isRead: Bool) async throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime { $0.clock = clock }
        let (sleeper, cancelled) = (Sleeper(), Tally())
        let send = Lock<Task<Void, any Error>?>(nil)
        let stream = try runtime.stream(of: Int.self, capacity: 1, idle: .seconds(2)) { output in
            try await output.send(0)
            let second = Task { try await output.send(1) }
            send.withLock { $0 = second }
            _ = await second.result
            do { try await sleeper.sleep() } catch { cancelled.add() }
        }
        let isKnown = { send.withLock { $0 != nil } }
        #expect(await eventuallyAsync { stream.core.sign == .waitsForReader && isKnown() })
        for _ in 0..<5 { try await runtime.pass(.seconds(1), time) }
        #expect(runtime.timers.waiting == 0)
        var reader = stream.makeAsyncIterator()
        if isRead { #expect(try await reader.next() == 0) } else { send.withLock { $0 }?.cancel() }
        #expect(await eventuallyAsync { sleeper.isAsleep && runtime.timers.waiting == 1 })
        try await runtime.pass(.seconds(2) - .nanoseconds(1), time)
        #expect(sleeper.isAsleep)
        try await runtime.pass(.nanoseconds(1), time)
        #expect(try await reader.next() == (isRead ? 1 : 0))
        await #expect(throws: StreamTimeout(idle: .seconds(2))) { try await reader.next() }
        #expect(await eventuallyAsync { cancelled.count == 1 })
        await runtime.finishAsync()
    }

    /// A body that heeds no cancel outlives its runtime; its reader does not wait for it.
    @Test func theEndOfTheRuntimeEndsAWatchedStream() async throws {
        let runtime = try makeRuntime()
        let mayEnd = Tally()
        let stream = try runtime.stream(of: Int.self, idle: .seconds(3_600)) { output in
            try await output.send(0)
            while mayEnd.count == 0 { await Task.yield() }
        }
        var reader = stream.makeAsyncIterator()
        #expect(try await reader.next() == 0)
        let report = await runtime.drain(soft: .zero, hard: .milliseconds(100))
        #expect(report.unfinishedRuns == 1)
        let error = await #expect(throws: GyreError.self) { try await reader.next() }
        #expect(error?.code == .closed)
        mayEnd.add()
    }

    @Test func anErrorComesAfterWhatWasPutOut() async throws {
        let runtime = try makeRuntime()
        let stream = try runtime.stream(of: Int.self) { output in
            try await output.send(1)
            throw Failure(number: 7)
        }
        var reader = stream.makeAsyncIterator()
        #expect(try await reader.next() == 1)
        await #expect(throws: Failure(number: 7)) { try await reader.next() }
        await runtime.finishAsync()
    }

    @Test func aReaderThatIsCancelledCancelsTheBody() async throws {
        let runtime = try makeRuntime()
        let (started, ended) = (Tally(), Tally())
        let stream = try runtime.stream(of: Int.self) { output in
            started.add()
            defer { ended.add() }
            try await runtime.sleep(until: .distantFuture)
        }
        let reader = Task { for try await _ in stream {} }
        // One that was cancelled before it started would not run at all.
        #expect(await eventuallyAsync { started.count == 1 })
        reader.cancel()
        await #expect(throws: CancellationError.self) { try await reader.value }
        #expect(await eventuallyAsync { ended.count == 1 })
        await runtime.finishAsync()
    }

    @Test func aBodyThatWaitsForRoomEndsWithItsStream() async throws {
        let runtime = try makeRuntime()
        let (sent, ended) = (Tally(), Tally())
        var stream: TaskStream<Int>? = try runtime.stream(of: Int.self, capacity: 1) { output in
            defer { ended.add() }
            for number in 0..<10 {
                try await output.send(number)
                sent.add()
            }
        }
        #expect(await eventuallyAsync { sent.count == 1 })
        #expect(stream != nil && ended.count == 0)
        stream = nil
        #expect(await eventuallyAsync { ended.count == 1 })
        #expect(sent.count == 1)
        await runtime.finishAsync()
    }
}
