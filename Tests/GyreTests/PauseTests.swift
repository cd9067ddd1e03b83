import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// Pauses of a scope of a whole runtime: of jobs, and of calls through its dependencies.
@Suite struct PauseTests {
    private func makeTest(_ queue: FairQueueConfiguration? = nil) throws -> ManualDependency {
        try ManualDependency(.init(fairQueue: queue, rateLimit: RateLimit(1_000, per: .seconds(1), burst: 100)))
    }

    private func start(
        _ test: ManualDependency, _ name: Int, in log: EventLog<Int>, tenant: UInt64 = 0,
        deadline: MonotonicInstant = .distantFuture
    ) -> ManualTask<Void> {
        test.start(deadline: deadline, tenant: tenant) { _ in log.record(name) }
    }

    @Test func aDependencyIsPausedByItsName() throws {
        let test = try makeTest()
        let other = try Dependency("other", on: test.runtime, .none)
        let log = EventLog<Int>(test.runtime.clock)
        test.runtime.pause(.dependency("stock"))
        #expect(test.runtime.pausedUntil(.dependency("stock")) == .distantFuture)
        let call = start(test, 1, in: log)
        try test.manual.run { try await other.call { _ in log.record(2) } }
        #expect(log.values == [2] && call.isPending)
        #expect(test.dependency.snapshot().pausedUntil == .distantFuture)
        #expect(test.runtime.resume(.dependency("stock")))
        test.manual.settle()
        #expect(log.values == [2, 1])
        #expect(!test.runtime.resume(.dependency("stock")))
        test.finish()
    }

    /// Its own word and the runtime's are two: both must have ended.
    @Test func aPauseOfTheRuntimeIsNotEndedByTheDependency() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        test.runtime.pause(.dependency("stock"), until: ManualDependency.start + .seconds(5))
        test.dependency.pause()
        _ = start(test, 1, in: log)
        #expect(test.dependency.resume())
        test.manual.advance(by: .seconds(4))
        #expect(log.values.isEmpty)
        test.manual.advance(by: .seconds(1))
        #expect(log.values == [1])
        test.finish()
    }

    @Test func aTenantIsPausedAndOthersGoOn() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        test.runtime.pause(.tenant(number: 7))
        #expect(test.runtime.pausedUntil(.tenant("7")) == .distantFuture)
        let held = (1...3).map { start(test, $0, in: log, tenant: 7) }
        let late = start(test, 4, in: log, tenant: 7, deadline: ManualDependency.start + .seconds(1))
        _ = start(test, 5, in: log, tenant: 8)
        #expect(log.values == [5])
        let snapshot = test.dependency.snapshot()
        #expect(snapshot.turnsWaiting == 4 && snapshot.tenantsPaused == 1 && snapshot.pausedUntil == nil)
        test.manual.advance(by: .seconds(2))
        #expect((late.error as? GyreError)?.code == .deadlineExceeded)
        held[1].cancel()
        test.manual.settle()
        test.runtime.resume(.tenant("7"))
        test.manual.settle()
        #expect(log.values == [5, 1, 3])
        #expect(test.dependency.words.turns.state == 0, "the line is left alone again")
        test.finish()
    }

    /// Who waits for the rate limit already, at its head and behind it, is held too.
    @Test func aTenantThatWaitsAlreadyIsHeld() throws {
        let test = try ManualDependency(.init(rateLimit: RateLimit(1, per: .seconds(1))))
        let log = EventLog<Int>(test.runtime.clock)
        _ = start(test, 0, in: log)
        _ = start(test, 1, in: log, tenant: 7)
        test.manual.advance(by: .milliseconds(500))
        _ = start(test, 2, in: log, tenant: 8)
        _ = start(test, 3, in: log, tenant: 7)
        test.runtime.pause(.tenant(number: 7), until: ManualDependency.start + .seconds(4))
        test.manual.advance(by: .milliseconds(500))
        #expect(log.values == [0, 2], "as soon as there is room")
        test.manual.advance(by: .seconds(10))
        #expect(log.values == [0, 2, 1, 3])
        #expect(ManualDependency.start.duration(to: log.events[2].instant) == .seconds(4))
        test.finish()
    }

    /// Those who are held keep their places: nobody else gets them, and they lose none.
    @Test func whoIsHeldKeepsItsPlace() throws {
        let test = try makeTest(FairQueueConfiguration(capacity: 2, whenFull: .shedOldest))
        let log = EventLog<Int>(test.runtime.clock)
        test.runtime.pause(.tenant(number: 7))
        let held = (1...2).map { start(test, $0, in: log, tenant: 7) }
        let tooMany = start(test, 3, in: log, tenant: 7)
        #expect((tooMany.error as? GyreError)?.policy == .fairQueue)
        _ = start(test, 4, in: log, tenant: 8)
        #expect(log.values == [4], "who need not wait needs no place")
        test.runtime.resume(.tenant(number: 7))
        test.manual.settle()
        #expect(log.values == [4, 1, 2] && held.allSatisfy { $0.error == nil })
        test.finish()
    }

    @Test func whatIsMadeLaterIsPausedToo() async throws {
        let test = try ManualRuntime()
        let runtime = test.runtime
        runtime.pause(.dependency("quote"))
        let quote = try Dependency("quote", on: runtime, .none)
        let engine = MemoryEngine(on: runtime)
        let call = test.start { try await quote.call { _ in } }
        test.settle()
        #expect(call.isPending)
        for engine in [runtime.engine, engine] {
            try await engine.submit(EngineJob(key: "1", handler: "quote", input: []))
            #expect(try await engine.take(["quote"], by: "test", lease: .seconds(1)).job == nil)
        }
        runtime.resume(.dependency("quote"))
        test.settle()
        #expect(call.error == nil && !call.isPending)
        for engine in [runtime.engine, engine] {
            #expect(try await engine.take(["quote"], by: "test", lease: .seconds(1)).job != nil)
        }
        test.finish()
    }

    @Test func otherPoliciesKeepWhoIsHeld() throws {
        let test = try makeTest(FairQueueConfiguration(capacity: 4))
        let log = EventLog<Int>(test.runtime.clock)
        test.runtime.pause(.tenant(number: 7))
        let held = (1...3).map { start(test, $0, in: log, tenant: 7) }
        var policies = test.dependency.policies
        policies.fairQueue = try FairQueueConfiguration(capacity: 2)
        try test.dependency.replacePolicies(policies)
        test.manual.settle()
        #expect(held.count { ($0.error as? GyreError)?.policy == .fairQueue } == 1)
        test.runtime.resume(.tenant(number: 7))
        test.manual.settle()
        #expect(log.values.count == 2)
        test.finish()
    }

    @Test func theEndOfTheRuntimeEndsAPauseOfATenant() throws {
        let test = try makeTest()
        let log = EventLog<Int>(test.runtime.clock)
        test.runtime.pause(.tenant(number: 7))
        let held = start(test, 1, in: log, tenant: 7)
        test.manual.finish()
        #expect((held.error as? GyreError)?.code == .closed && log.values.isEmpty)
    }
}
