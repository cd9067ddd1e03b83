import Gyre
import GyreCore
import Synchronization
import Testing

/// The value of a task lies in the task: every layout has its place there, and it goes when the task goes.
@Suite struct TaskValueTests {
    /// Counts those that are alive.
    private final class Probe: Sendable {
        let alive: AliveCount
        init(_ alive: AliveCount) {
            self.alive = alive
            alive.add(1)
        }
        deinit { alive.add(-1) }
    }

    private final class AliveCount: Sendable {
        private let count = Atomic<Int>(0)
        func add(_ number: Int) { count.add(number, ordering: .relaxed) }
        var value: Int { count.load(ordering: .relaxed) }
    }

    private func expectBack<Value: Equatable & Sendable>(_ value: Value, from runtime: Runtime) async throws {
        let synchronous = try runtime.post { () throws -> Value in value }
        #expect(try await synchronous.value == value)
        let asynchronous = try runtime.post { () async throws -> Value in
            await Task.yield()
            return value
        }
        #expect(try await asynchronous.value == value)
        #expect(try await synchronous.value == value, "a value can be read again")
    }

    @Test func valuesOfEveryLayoutComeBack() async throws {
        let runtime = try makeRuntime()
        try await expectBack(true, from: runtime)
        try await expectBack(UInt64.max, from: runtime)
        try await expectBack("a text that is too long to lie in its own sixteen bytes", from: runtime)
        try await expectBack(Optional<Int>.none, from: runtime)
        try await expectBack([1, 2, 3], from: runtime)
        // Aligned to more than the memory behind an object is.
        try await expectBack(SIMD8<Double>(repeating: 3), from: runtime)
        try await expectBack(SIMD64<UInt8>(repeating: 7), from: runtime)
        let nothing = try runtime.post { () throws -> Void in }
        try await nothing.value
        await runtime.finishAsync()
    }

    @Test func aValueGoesWithTheLastHandle() async throws {
        let runtime = try makeRuntime()
        let alive = AliveCount()
        var synchronous: TaskHandle<Probe>? = try runtime.post { () throws -> Probe in Probe(alive) }
        var asynchronous: TaskHandle<Probe>? = try runtime.post { () async throws -> Probe in Probe(alive) }
        _ = await synchronous?.settled
        _ = await asynchronous?.settled
        #expect(alive.value == 2)
        synchronous = nil
        #expect(eventually { alive.value == 1 })
        asynchronous = nil
        #expect(eventually { alive.value == 0 })
        await runtime.finishAsync()
    }

    /// A body that ends after its deadline has a value that nobody is told of.
    @Test func aValueThatComesTooLateGoesToo() async throws {
        let runtime = try makeRuntime()
        let alive = AliveCount()
        let deadline = runtime.clock.now + .milliseconds(5)
        var handle: TaskHandle<Probe>? = try runtime.post(deadline: deadline) { () async throws -> Probe in
            while !Task.isCancelled { await Task.yield() }
            return Probe(alive)
        }
        let outcome = await handle?.settled
        guard case .timedOut? = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
        handle = nil
        await runtime.finishAsync()
        #expect(eventually { alive.value == 0 })
    }

    @Test func aBodyThatThrowsLeavesNoValue() async throws {
        let runtime = try makeRuntime()
        let alive = AliveCount()
        let handle = try runtime.post { () throws -> Probe in
            let probe = Probe(alive)
            if alive.value > 0 { throw CancellationError() }
            return probe
        }
        guard case .failed = await handle.settled else {
            Issue.record("\(await handle.settled)")
            return
        }
        await runtime.finishAsync()
        #expect(eventually { alive.value == 0 })
    }
}
