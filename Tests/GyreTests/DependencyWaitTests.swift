import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Calls that wait for a permit: who is next, who waits no longer, and that no permit is lost over it.
@Suite struct DependencyWaitTests {
    /// One permit, held for a second by whoever has it.
    private func makeTest(
        _ queue: FairQueueConfiguration? = nil, shedding: CoDel? = nil, timeouts: Timeouts? = nil,
        bulkhead: Bulkhead? = nil
    ) throws -> ManualDependency {
        try ManualDependency(
            .init(
                timeouts: timeouts, fairQueue: queue ?? FairQueueConfiguration(), shedding: shedding,
                bulkhead: bulkhead ?? Bulkhead(permits: 1)))
    }

    /// A call that has the permit for a second, and notes when it got it.
    @discardableResult
    private func start(
        _ test: ManualDependency, _ name: Int, in log: EventLog<Int>, deadline: MonotonicInstant = .distantFuture,
        priority: PriorityClass = .normal, tenant: UInt64 = 0
    ) -> ManualTask<Void> {
        let runtime = test.runtime
        return test.start(deadline: deadline, priority: priority, tenant: tenant) { _ in
            log.record(name)
            try await runtime.sleep(for: .seconds(1))
        }
    }

    @Test func theMostUrgentIsNextAndTenantsTakeTurns() throws {
        let test = try makeTest(FairQueueConfiguration(ageing: .seconds(3_600)))
        let log = EventLog<Int>(test.runtime.clock)
        for call in ManualDependency.crowd {
            start(test, call.name, in: log, priority: call.priority, tenant: call.tenant)
        }
        #expect(test.dependency.snapshot().waiting == 6)
        test.manual.advance(by: .seconds(10))
        #expect(log.values == ManualDependency.crowdInTurn)
        test.finish()
    }

    @Test func insideATenantTheEarliestDeadlineIsNext() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        for (name, deadline) in [(1, 90), (2, 30), (3, 60)] {
            start(test, name, in: log, deadline: ManualDependency.start + .seconds(deadline))
        }
        test.manual.advance(by: .seconds(10))
        #expect(log.values == [0, 2, 3, 1])
        test.finish()
    }

    /// Urgent calls come faster than they are served. One of the lowest class gains a class a second: after seven it is
    /// in the top class, after eight before everybody of its tenant that came later.
    @Test func nobodyStarves() throws {
        let test = try makeTest(FairQueueConfiguration(ageing: .seconds(1)))
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        let poor = start(test, -1, in: log, priority: .lowest)
        for name in 1...40 {
            start(test, name, in: log, priority: .highest)
            test.manual.advance(by: .milliseconds(500))
        }
        let served = try #require(log.events.first { $0.value == -1 }).instant
        #expect(ManualDependency.start.duration(to: served) <= .seconds(9))
        #expect(!poor.isPending)
        test.manual.advance(by: .seconds(60))
        test.finish()
    }

    @Test func whoIsNotServedInTimeIsToldWhy() throws {
        let test = try makeTest(
            timeouts: Timeouts(queue: .milliseconds(300)),
            bulkhead: Bulkhead(permits: 1, waitersMax: 3, waitMax: .milliseconds(200)))
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        let short = start(test, 1, in: log, deadline: ManualDependency.start + .milliseconds(100))
        let long = start(test, 2, in: log)
        let cancelled = start(test, 3, in: log)
        let tooMany = start(test, 4, in: log)
        #expect((tooMany.error as? GyreError)?.policy == .bulkhead)
        cancelled.cancel()
        test.manual.settle()
        #expect((cancelled.error as? GyreError)?.code == .cancelled)
        test.manual.advance(by: .milliseconds(100))
        let late = try #require(short.error as? GyreError)
        #expect(late.code == .deadlineExceeded && late.policy == .deadline)
        test.manual.advance(by: .milliseconds(100))
        let refused = try #require(long.error as? GyreError)
        #expect(refused.code == .rejected && refused.policy == .fairQueue)
        #expect(test.dependency.snapshot().waiting == 0)
        test.manual.advance(by: .seconds(1))
        #expect(log.values == [0])
        test.finish()
    }

    @Test(arguments: [BackpressureMode.shedOldest, .shedLowest]) func aFullLineShedsByItsRule(mode: BackpressureMode)
        throws
    {
        let test = try makeTest(FairQueueConfiguration(capacity: 2, whenFull: mode))
        let log = EventLog<Int>(test.runtime.clock)
        start(test, 0, in: log)
        let oldest = start(test, 1, in: log, priority: .highest)
        let lowest = start(test, 2, in: log, priority: .lowest)
        start(test, 3, in: log)
        let (shed, kept) = mode == .shedOldest ? (oldest, lowest) : (lowest, oldest)
        #expect((shed.error as? GyreError)?.policy == .fairQueue && kept.isPending)
        #expect(test.dependency.snapshot().waiting == 2)
        test.manual.advance(by: .seconds(5))
        #expect(log.values.count == 3)
        test.finish()
    }

    /// A queue that stands: what waited more than twice the target is sent away, and the permit goes on.
    @Test func aStandingQueueIsCutBack() throws {
        let test = try makeTest(
            shedding: CoDel(target: .milliseconds(500), interval: .seconds(4)), bulkhead: nil)
        let log = EventLog<Int>(test.runtime.clock)
        let calls = (0..<40).map { start(test, $0, in: log) }
        test.manual.advance(by: .seconds(60))
        #expect(calls.allSatisfy { !$0.isPending })
        let shed = calls.compactMap { $0.error as? GyreError }
        #expect(shed.count > 10 && shed.allSatisfy { $0.policy == .shedding })
        #expect(log.values.count + shed.count == 40)
        test.finish()
    }

    @Test func aDrainSendsWaitersAway() async throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        let holder = start(test, 0, in: log)
        let waiting = start(test, 1, in: log, deadline: ManualDependency.start + .seconds(60))
        #expect(!test.manual.finish().isComplete)
        // What is left goes on outside.
        #expect(await soon { !holder.isPending && !waiting.isPending })
        #expect((waiting.error as? GyreError)?.code == .closed)
        test.dependency.expectNothingHeld()
    }

    /// 20 calls wait for 4 permits in random order of events; each second one is cancelled at a random time.
    @Test(arguments: 0..<200 as Range<UInt64>) func noPermitIsLost(seed: UInt64) throws {
        var random = SeededRandom(seed: SeededRandom.mixed(seed))
        let manual = try ManualRuntime(seed: seed)
        let runtime = manual.runtime
        let stock = try Dependency(
            "stock", on: runtime,
            .init(
                timeouts: Timeouts(queue: .milliseconds(40)),
                bulkhead: Bulkhead(permits: 4, waitersMax: 8, waitMax: .milliseconds(30)), retry: RetryPolicy(),
                retryBudget: RetryBudget()), seed: seed)
        var calls: [ManualTask<Void>] = []
        let atOnce = Tally()
        for _ in 0..<40 {
            let time = Int.random(in: 0...20, using: &random)
            calls.append(
                manual.start {
                    try await stock.call { _ in
                        atOnce.add()
                        defer { atOnce.add(-1) }
                        #expect(atOnce.count <= 4)
                        try await runtime.sleep(for: .milliseconds(time))
                    }
                })
            if Bool.random(using: &random) { calls.randomElement(using: &random)?.cancel() }
            if Bool.random(using: &random) { manual.advance(by: .milliseconds(Int.random(in: 0...12, using: &random))) }
            if let inUse = stock.snapshot().permitsInUse { #expect(inUse <= 4) }
        }
        manual.advance(by: .seconds(1))
        #expect(calls.allSatisfy { !$0.isPending })
        stock.expectNothingHeld()
        #expect(manual.nextTimer == nil)
        #expect(manual.finish().isComplete)
    }
}
