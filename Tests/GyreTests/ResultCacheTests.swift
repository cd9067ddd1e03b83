import Gyre
import GyreCore
import GyrePolicy
import Synchronization
import Testing

/// The cache on manual time: what is served, loaded, refreshed and forgotten, and who waits for it.
@Suite struct ResultCacheTests {
    private static let start = MonotonicInstant(nanoseconds: 1_000_000)

    /// A runtime and a cache of it on a clock that stands still.
    private struct Bench {
        let runtime: Runtime
        let time: ManualTime
        let cache: ResultCache<String, Int>
        let loads = Tally()

        init(_ policy: CachePolicy, weight: @escaping @Sendable (String, Int) -> Int = { _, _ in 1 }) throws {
            let (clock, time) = MonotonicClock.manual(startingAt: start)
            self.time = time
            runtime = try makeRuntime { $0.clock = clock }
            cache = ResultCache(on: runtime, policy, weight: weight)
        }

        func value(_ key: String, _ value: Int) async throws -> Int {
            try await cache.value(for: key) {
                loads.add()
                return value
            }
        }

        func fail(_ key: String, _ number: Int) async throws -> Int {
            try await cache.value(for: key) {
                loads.add()
                throw Failure(number: number)
            }
        }

        /// Waits until no load runs.
        func rest() async {
            let end = ContinuousClock.now + .seconds(patienceSeconds)
            while cache.snapshot().loading > 0, ContinuousClock.now < end { await Task.yield() }
            #expect(cache.snapshot().loading == 0)
        }

        func finish() async {
            await cache.close()
            await runtime.finishAsync()
        }
    }

    @Test func aValueIsLoadedOnceAndServedUntilItsTimeIsOver() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10, ttl: .seconds(1)))
        #expect(try await bench.value("a", 1) == 1)
        #expect(try await bench.value("a", 2) == 1)
        #expect(bench.cache.kept(for: "a") == 1)
        #expect(bench.cache.kept(for: "b") == nil)
        bench.time.advance(by: .seconds(1) - .nanoseconds(1))
        #expect(try await bench.value("a", 3) == 1)
        bench.time.advance(by: .nanoseconds(1))
        #expect(bench.cache.kept(for: "a") == nil)
        #expect(try await bench.value("a", 4) == 4)
        #expect(bench.loads.count == 2)
        let snapshot = bench.cache.snapshot()
        #expect(snapshot.hits == 2)
        #expect(snapshot.misses == 2)
        #expect(snapshot.entries == 1)
        await bench.finish()
    }

    @Test func aStaleValueIsServedAndRefreshedOncePerWindow() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10, ttl: .seconds(10), refreshAfter: .seconds(1)))
        #expect(try await bench.value("a", 1) == 1)
        bench.time.advance(by: .seconds(1))
        for _ in 0..<5 { #expect(try await bench.fail("a", 7) == 1, "the old value, whatever the refresh does") }
        await bench.rest()
        #expect(bench.loads.count == 2, "one refresh, which failed")
        for _ in 0..<5 { #expect(try await bench.value("a", 2) == 1) }
        #expect(bench.cache.snapshot().refreshes == 1, "the next is a window later")
        bench.time.advance(by: .seconds(1))
        #expect(try await bench.value("a", 3) == 1)
        await bench.rest()
        #expect(try await bench.value("a", 4) == 3, "refreshed")
        #expect(bench.cache.snapshot().refreshes == 2)
        #expect(bench.cache.snapshot().stale == 11)
        await bench.finish()
    }

    @Test func anErrorIsKeptForItsOwnTime() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10, ttl: .seconds(10), negativeTTL: .seconds(1)))
        await #expect(throws: Failure(number: 1)) { try await bench.fail("a", 1) }
        await #expect(throws: Failure(number: 1)) { try await bench.value("a", 2) }
        #expect(bench.cache.snapshot().negative == 1)
        bench.time.advance(by: .seconds(1))
        #expect(try await bench.value("a", 3) == 3)
        #expect(bench.loads.count == 2)
        await bench.finish()
    }

    @Test func errorsAreNotKeptUnlessAskedFor() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10))
        await #expect(throws: Failure(number: 1)) { try await bench.fail("a", 1) }
        #expect(bench.cache.snapshot().entries == 0)
        #expect(try await bench.value("a", 2) == 2)
        await bench.finish()
    }

    @Test func anOldValueAnswersAnError() async throws {
        let bench = try Bench(
            CachePolicy(weightMax: 10, ttl: .seconds(1), negativeTTL: .seconds(2), staleIfError: .seconds(5)))
        #expect(try await bench.value("a", 1) == 1)
        bench.time.advance(by: .seconds(1))
        #expect(try await bench.fail("a", 7) == 1)
        #expect(try await bench.value("a", 2) == 1, "the error is kept, so nothing is loaded")
        #expect(bench.loads.count == 2)
        bench.time.advance(by: .seconds(2))
        #expect(try await bench.fail("a", 8) == 1)
        bench.time.advance(by: .seconds(3))
        await #expect(throws: Failure(number: 9)) { try await bench.fail("a", 9) }
        await bench.finish()
    }

    @Test func whoMissesTogetherWaitsForOneLoad() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10))
        let sleeper = Sleeper()
        let callers = (0..<20).map { number in
            Task {
                try await bench.cache.value(for: "a") {
                    bench.loads.add()
                    try await sleeper.sleep()
                    return 5
                }
            }
        }
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while bench.cache.snapshot().misses < 20, ContinuousClock.now < end { await Task.yield() }
        while !sleeper.isAsleep, ContinuousClock.now < end { await Task.yield() }
        sleeper.wake()
        for caller in callers { #expect(try await caller.value == 5) }
        #expect(bench.loads.count == 1)
        #expect(bench.cache.snapshot().misses == 20)
        await bench.finish()
    }

    @Test func aCallerThatLeavesStopsNothingUntilItIsTheLast() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10))
        let sleeper = Sleeper()
        let cancelled = Tally()
        let callers = (0..<3).map { number in
            Task {
                try await bench.cache.value(for: "a") {
                    do { try await sleeper.sleep() } catch {
                        cancelled.add()
                        throw error
                    }
                    return 5
                }
            }
        }
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while bench.cache.snapshot().misses < 3 || !sleeper.isAsleep, ContinuousClock.now < end { await Task.yield() }
        for caller in callers.dropLast() {
            caller.cancel()
            await #expect(throws: CancellationError.self) { try await caller.value }
        }
        #expect(cancelled.count == 0)
        #expect(sleeper.isAsleep)
        callers[2].cancel()
        await #expect(throws: CancellationError.self) { try await callers[2].value }
        await bench.rest()
        #expect(cancelled.count == 1)
        #expect(bench.cache.snapshot().entries == 0)
        #expect(try await bench.value("a", 6) == 6, "the next caller loads anew")
        await bench.finish()
    }

    @Test func whatIsUsedOutlivesWhatIsNot() async throws {
        let bench = try Bench(CachePolicy(weightMax: 3))
        for key in ["a", "b", "c"] { #expect(try await bench.value(key, 1) == 1) }
        #expect(bench.cache.kept(for: "a") == 1)
        #expect(try await bench.value("d", 1) == 1)
        #expect(bench.cache.kept(for: "a") == 1)
        #expect(bench.cache.kept(for: "b") == nil, "the oldest that was not used")
        #expect(bench.cache.snapshot().evicted == 1)
        await bench.finish()
    }

    @Test func theBoundIsOfWeight() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10)) { _, value in value }
        #expect(try await bench.value("a", 4) == 4)
        #expect(try await bench.value("b", 4) == 4)
        #expect(try await bench.value("c", 7) == 7)
        #expect(bench.cache.snapshot().weight == 7)
        #expect(try await bench.value("d", 11) == 11, "handed out")
        #expect(bench.cache.snapshot().tooHeavy == 1)
        #expect(bench.cache.kept(for: "d") == nil)
        #expect(bench.cache.kept(for: "c") == 7)
        await bench.finish()
    }

    @Test func whatWasRemovedWhileItWasLoadedIsNotKept() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10))
        let sleeper = Sleeper()
        let caller = Task {
            try await bench.cache.value(for: "a") {
                try await sleeper.sleep()
                return 5
            }
        }
        let end = ContinuousClock.now + .seconds(patienceSeconds)
        while !sleeper.isAsleep, ContinuousClock.now < end { await Task.yield() }
        #expect(bench.cache.remove("a"))
        #expect(!bench.cache.remove("a"))
        #expect(try await bench.value("a", 6) == 6)
        sleeper.wake()
        #expect(try await caller.value == 5)
        #expect(bench.cache.kept(for: "a") == 6)
        await bench.finish()
    }

    @Test func aClosedCacheLetsGoOfEverything() async throws {
        final class Page: Sendable {
            static let live = Atomic<Int>(0)
            init() { Self.live.add(1, ordering: .relaxed) }
            deinit { Self.live.subtract(1, ordering: .relaxed) }
        }
        let runtime = try makeRuntime()
        let cache = try ResultCache<Int, Page>(on: runtime, CachePolicy(weightMax: 50))
        for key in 0..<500 { _ = try await cache.value(for: key) { Page() } }
        #expect(cache.snapshot().entries == 50)
        await cache.close()
        #expect(Page.live.load(ordering: .relaxed) == 0)
        await #expect { try await cache.value(for: 1) { Page() } } throws: { ($0 as? GyreError)?.code == .closed }
        await runtime.finishAsync()
    }

    @Test func aDrainedRuntimeLoadsNothing() async throws {
        let bench = try Bench(CachePolicy(weightMax: 10))
        #expect(try await bench.value("a", 1) == 1)
        await bench.runtime.finishAsync()
        await #expect { try await bench.value("b", 1) } throws: { ($0 as? GyreError)?.code == .closed }
        #expect(try await bench.value("a", 2) == 1, "what is kept is served")
        #expect(bench.cache.snapshot().loading == 0)
        await bench.cache.close()
    }

    /// Threads that read, load, remove and evict at the same time: every value is the one of its key.
    @Test func everyValueBelongsToItsKey() async throws {
        let runtime = try makeRuntime()
        let cache = try ResultCache<Int, [Int]>(on: runtime, CachePolicy(weightMax: 20, refreshAfter: .microseconds(5)))
        await withTaskGroup(of: Void.self) { group in
            for caller in 0..<4 {
                group.addTask {
                    for step in 0..<2_000 {
                        let key = (step * 7 + caller * 13) % 64
                        if step % 50 == 0 { cache.remove(key) }
                        let value = try? await cache.value(for: key) { [key, key] }
                        #expect(value == [key, key])
                        if let kept = cache.kept(for: key ^ 1) { #expect(kept == [key ^ 1, key ^ 1]) }
                    }
                }
            }
        }
        #expect(cache.snapshot().entries <= 20)
        await runtime.finishAsync()
        await cache.close()
    }
}
