import Foundation
import Gyre
import GyreCore
import GyrePolicy
import Testing

/// Histories of one caller, made by chance, against ``CacheReference``: what is served, what is loaded, what is left.
@Suite struct ResultCachePropertyTests {
    @Test func everyHistoryIsThatOfTheReference() async throws {
        let environment = ProcessInfo.processInfo.environment
        let count = environment["GYRE_SEEDS"].flatMap(UInt64.init) ?? 10_000
        let one = environment["GYRE_SEED"].flatMap(UInt64.init)
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        // On the worker itself, where a load is queued behind its caller: no thread wakes another.
        try await runtime.run {
            for seed in one.map({ $0..<$0 + 1 }) ?? 0..<count {
                do {
                    try await check(seed, runtime, time)
                } catch {
                    Issue.record(
                        """
                        seed \(seed): \(error)
                        replay: GYRE_SEED=\(seed) swift test --no-parallel --filter ResultCachePropertyTests
                        """)
                    return
                }
            }
        }
        await runtime.finishAsync()
    }

    private func check(_ seed: UInt64, _ runtime: Runtime, _ time: ManualTime) async throws {
        var random = SeededRandom(seed: SeededRandom.mixed(seed))
        let policy = try CachePolicy(
            weightMax: Int(random.pick(3...9)), entriesMax: Int(random.pick(2...6)), ttl: .nanoseconds(20),
            refreshAfter: random.isOne(in: 2) ? .nanoseconds(Int64(random.pick(1...20))) : nil,
            negativeTTL: .nanoseconds(Int64(random.pick(0...10))),
            staleIfError: .nanoseconds(Int64(random.pick(0...1) * random.pick(1...30))))
        var reference = CacheReference(policy: policy)
        let weights = (0..<8).map { _ in Int(random.pick(1...4)) }
        let cache = ResultCache<Int, Int>(on: runtime, policy) { key, _ in weights[key] }
        let loads = Tally()
        for step in 1...25 {
            let key = Int(random.pick(0...7))
            let now = time.now
            switch random.pick(0...9) {
            case 0: try require(cache.remove(key) == reference.remove(key), "step \(step): remove \(key)")
            case 1:
                let kept = cache.kept(for: key)
                try require(kept == reference.kept(key, now), "step \(step): kept \(key) is \(kept as Int?)")
                if kept != nil { reference.use(key) }
            case 2, 3: time.advance(by: .nanoseconds(Int64(random.pick(1...15))))
            default:
                let load: Result<Int, Failure> =
                    random.isOne(in: 3) ? .failure(Failure(number: step)) : .success(step)
                let expected = reference.value(key, load, weight: weights[key], at: now)
                let result = await result(of: cache, key, load, loads)
                try require(result == expected, "step \(step): \(key) is \(result), not \(expected)")
                while cache.snapshot().loading > 0 { await Task.yield() }
            }
            try require(loads.count == reference.loads, "step \(step): \(loads.count) loads, not \(reference.loads)")
            let snapshot = cache.snapshot()
            try require(snapshot.entries == reference.count, "step \(step): \(snapshot.entries) entries")
            try require(snapshot.weight == reference.weight, "step \(step): weight \(snapshot.weight)")
        }
    }

    private func result(
        of cache: ResultCache<Int, Int>, _ key: Int, _ load: Result<Int, Failure>, _ loads: Tally
    ) async -> Result<Int, Failure> {
        do {
            return .success(
                try await cache.value(for: key) {
                    loads.add()
                    return try load.get()
                })
        } catch {
            return .failure(error as? Failure ?? Failure(number: -1))
        }
    }
}

private struct Counterexample: Error, CustomStringConvertible {
    let description: String
}

private func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    guard condition else { throw Counterexample(description: message()) }
}

extension SeededRandom {
    /// A whole number of `range`.
    fileprivate mutating func pick(_ range: ClosedRange<UInt64>) -> UInt64 {
        range.lowerBound + next().scaled(upTo: range.upperBound - range.lowerBound)
    }

    /// True once in `many` times.
    fileprivate mutating func isOne(in many: UInt64) -> Bool { next().scaled(upTo: many - 1) == 0 }
}
