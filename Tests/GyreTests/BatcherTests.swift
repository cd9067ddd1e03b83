import Gyre
import GyreCore
import GyrePolicy
import Testing

/// The batcher on manual time: what goes when, and who gets what.
@Suite struct BatcherTests {
    private static let start = MonotonicInstant(nanoseconds: 1_000_000)

    private struct Bench {
        let runtime: Runtime
        let time: ManualTime
        let batcher: Batcher<String, Int, Int>
        let log: CallLog

        /// Parts are the elements ten times over; -1 fails by its own result, 666 spoils its whole call.
        init(_ policy: BatchPolicy, keysMax: Int? = nil, gate: Sleeper? = nil) throws {
            let (clock, time) = MonotonicClock.manual(startingAt: start)
            self.time = time
            runtime = try makeRuntime { $0.clock = clock }
            let log = CallLog()
            self.log = log
            batcher = try Batcher(on: runtime, policy, keysMax: keysMax) { _, elements in
                log.add(elements)
                try await gate?.sleep()
                if elements.contains(666) { throw Failure(number: 666) }
                if elements.contains(404) { return [] }
                return elements.map { $0 == -1 ? .failure(Failure(number: -1)) : .success($0 * 10) }
            }
        }

        func submit(
            _ element: Int, key: String = "k", deadline: MonotonicInstant = .distantFuture
        ) -> Task<Int, any Error> {
            Task { try await batcher.value(of: element, key: key, deadline: deadline) }
        }

        func wait(forWaiting count: Int) async {
            let end = ContinuousClock.now + .seconds(patienceSeconds)
            while batcher.snapshot().waiting != count, ContinuousClock.now < end { await Task.yield() }
            #expect(batcher.snapshot().waiting == count)
        }

        func finish() async {
            await batcher.close()
            await runtime.finishAsync()
        }
    }

    @Test func aFullBatchGoesAtOnceAndEachGetsItsPart() async throws {
        let bench = try Bench(BatchPolicy(max: 3, within: .seconds(1)))
        let members = (1...3).map { bench.submit($0) }
        for (index, member) in members.enumerated() { #expect(try await member.value == (index + 1) * 10) }
        #expect(bench.log.calls.map { $0.sorted() } == [[1, 2, 3]])
        await bench.finish()
    }

    @Test func aBatchThatIsNotFullGoesWhenItsFirstMemberHasWaited() async throws {
        let bench = try Bench(BatchPolicy(max: 10, within: .milliseconds(5)))
        let first = bench.submit(1)
        await bench.wait(forWaiting: 1)
        bench.time.advance(by: .milliseconds(3))
        let second = bench.submit(2)
        await bench.wait(forWaiting: 2)
        bench.time.advance(by: .milliseconds(2) - .nanoseconds(1))
        try await bench.runtime.sleep(until: Self.start)  // by then the wheel has been turned
        #expect(bench.log.calls.isEmpty)
        bench.time.advance(by: .nanoseconds(1))
        try await bench.runtime.sleep(until: Self.start)
        #expect(try await first.value == 10)
        #expect(try await second.value == 20)
        #expect(bench.log.calls.count == 1)
        await bench.finish()
    }

    @Test func aDeadlineThatCannotWaitSendsItsBatch() async throws {
        let bench = try Bench(BatchPolicy(max: 10, within: .seconds(60)))
        let patient = bench.submit(1)
        await bench.wait(forWaiting: 1)
        let urgent = bench.submit(2, deadline: Self.start + .milliseconds(1))
        await bench.wait(forWaiting: 2)
        bench.time.advance(by: .milliseconds(1))
        try await bench.runtime.sleep(until: Self.start)
        #expect(try await urgent.value == 20)
        #expect(try await patient.value == 10, "it goes along")
        await #expect {
            try await bench.batcher.value(of: 3, key: "k", deadline: Self.start)
        } throws: { ($0 as? GyreError)?.code == .deadlineExceeded }
        await bench.finish()
    }

    @Test func keysDoNotMix() async throws {
        let bench = try Bench(BatchPolicy(max: 2, within: .seconds(1)), keysMax: 2)
        let a = bench.submit(1, key: "a")
        let b = bench.submit(2, key: "b")
        await bench.wait(forWaiting: 2)
        await #expect(throws: BatchError.tooManyKeys(keysMax: 2)) { try await bench.batcher.value(of: 3, key: "c") }
        let a2 = bench.submit(4, key: "a")
        #expect(try await a.value == 10)
        #expect(try await a2.value == 40)
        await bench.batcher.close()
        #expect(try await b.value == 20)
        #expect(bench.log.calls.map { $0.sorted() } == [[1, 4], [2]])
        await bench.finish()
    }

    @Test func whoFailsFailsAlone() async throws {
        let bench = try Bench(BatchPolicy(max: 8, within: .seconds(1)))
        let members = [1, 2, -1, 4, 666, 6, 7, 8].map { bench.submit($0) }
        for (element, member) in zip([1, 2, -1, 4, 666, 6, 7, 8], members) {
            switch element {
            case -1: await #expect(throws: Failure(number: -1)) { try await member.value }
            case 666: await #expect(throws: Failure(number: 666)) { try await member.value }
            default: #expect(try await member.value == element * 10)
            }
        }
        #expect(bench.batcher.snapshot().resent == 6, "three times in halves")
        await bench.finish()
    }

    @Test func aCallThatReturnsTooLittleIsAnErrorForAll() async throws {
        let bench = try Bench(BatchPolicy(max: 2, within: .seconds(1)))
        let members = [404, 1].map { bench.submit($0) }
        for member in members {
            await #expect(throws: BatchError.wrongCount(results: 0, elements: 2)) { try await member.value }
        }
        await bench.finish()
    }

    @Test func whoLeavesBeforeItGoesIsNotSent() async throws {
        let bench = try Bench(BatchPolicy(max: 10, within: .seconds(1)))
        let leaver = bench.submit(1)
        await bench.wait(forWaiting: 1)
        let stayer = bench.submit(2)
        await bench.wait(forWaiting: 2)
        leaver.cancel()
        await #expect(throws: CancellationError.self) { try await leaver.value }
        #expect(bench.batcher.snapshot().waiting == 1)
        await bench.batcher.close()
        #expect(try await stayer.value == 20)
        #expect(bench.log.calls == [[2]])
        await #expect { try await bench.batcher.value(of: 3, key: "k") } throws: {
            ($0 as? GyreError)?.code == .closed
        }
        await bench.finish()
    }

    @Test func aCallIsCancelledWhenAllHaveLeft() async throws {
        let gate = Sleeper()
        let bench = try Bench(BatchPolicy(max: 2, within: .seconds(1)), gate: gate)
        let members = [1, 2].map { bench.submit($0) }
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while !gate.isAsleep, ContinuousClock.now < end { await Task.yield() }
        members[0].cancel()
        await #expect(throws: CancellationError.self) { try await members[0].value }
        #expect(gate.isAsleep, "another waits")
        members[1].cancel()
        await #expect(throws: CancellationError.self) { try await members[1].value }
        await bench.finish()  // would not end if the call went on
        #expect(!gate.isAsleep)
    }

    @Test func aDrainLeavesNobodyWithoutAnAnswer() async throws {
        let bench = try Bench(BatchPolicy(max: 10, within: .seconds(60)))
        let member = bench.submit(1)
        await bench.wait(forWaiting: 1)
        await bench.runtime.finishAsync()
        await #expect { try await member.value } throws: { ($0 as? GyreError)?.code == .closed }
        await bench.batcher.close()
    }

    @Test func aPinnedSizeIsWhatGoes() async throws {
        let bench = try Bench(BatchPolicy(max: 10, within: .seconds(60)))
        bench.batcher.pin(size: 2)
        let members = [1, 2].map { bench.submit($0) }
        for member in members { _ = try await member.value }
        #expect(bench.batcher.snapshot().size.value == 2)
        bench.batcher.pin(size: nil)
        await bench.finish()
    }

    /// Many callers, keys, failures and cancels: everybody gets his own part or his own error, once.
    @Test func everybodyGetsHisOwn() async throws {
        let runtime = try makeRuntime()
        let batcher = try Batcher<Int, Int, Int>(on: runtime, BatchPolicy(max: 7, within: .microseconds(50))) {
            key, elements in
            if elements.contains(where: { $0 % 97 == 0 }) { throw Failure(number: -key) }
            return elements.map { $0 % 31 == 0 ? .failure(Failure(number: $0)) : .success($0 * 8 + key) }
        }
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for step in 0..<400 {
                        let element = caller * 1_000 + step
                        let key = step % 3
                        let task = Task { try await batcher.value(of: element, key: key) }
                        if step % 20 == 7 { task.cancel() }
                        do {
                            #expect(try await task.value == element * 8 + key)
                        } catch let failure as Failure {
                            #expect(element % 97 == 0 ? failure.number == -key : failure.number == element)
                        } catch {
                            #expect(error is CancellationError && step % 20 == 7)
                        }
                    }
                }
            }
        }
        await batcher.close()
        let snapshot = batcher.snapshot()
        #expect(snapshot.waiting == 0)
        #expect(snapshot.running == 0)
        await runtime.finishAsync()
    }
}

/// What a batch was called with, in order.
private final class CallLog: Sendable {
    private let list = Lock<[[Int]]>([])
    func add(_ elements: [Int]) { list.withLock { $0.append(elements) } }
    var calls: [[Int]] { list.withLock { $0 } }
}
