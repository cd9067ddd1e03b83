import Gyre
import GyreCore
import GyrePolicy
import Testing

/// What a runtime says of itself and of what stands on it.
@Suite struct DescribeTests {
    @Test func everyPartSaysWhatItIsSetToAndWhoChoseIt() async throws {
        let runtime = try makeRuntime(inFlight: 512)
        let stock = try Dependency("stock", on: runtime, .init(adaptiveLimit: AdaptiveLimit(), retry: RetryPolicy()))
        let group = try DependencyGroup("models", [stock], ProviderGroup())
        let cache = ResultCache<String, Int>(on: runtime, try CachePolicy(weightMax: 77))
        let runs = IdempotentRuns<Int>(on: runtime, try IdempotencyPolicy(retention: .seconds(5)))
        let policy = try BatchPolicy(max: 8, goal: .seconds(1))
        let batcher = try Batcher<String, Int, Int>(on: runtime, policy) { _, elements in
            elements.map { .success($0) }
        }
        let lines = runtime.describe().split(separator: "\n").map(String.init)
        #expect(
            lines.filter { !$0.hasPrefix(" ") } == [
                "runtime gyre", "blocking threads", "engine", "journal", "dependency stock: adaptive limit → retry",
                "group models of stock", "cache of Int by String", "runs of Int under keys",
                "batcher of Int by String",
            ])
        for line in [
            "  workers = 2 (user)", "  inFlight = 512 (user)", "  pinning = none (user)", "  idle = balanced (default)",
            "  timing = all (default)", "  threadsMax = 64 (default)", "  jobsMax = 1048576 (default)",
            "  retention = 86400 s (default)", "  entriesMax = 1048576 (default)", "  adaptiveLimit",
            "    initial = 20 (default)", "  weightMax = 77 (user)", "  retention = 5 s (user)", "  max = 8 (user)",
            "  size = 1 (default)", "  keysMax = 1024 (default)",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(lines.contains { $0.hasPrefix("  clock = ") && $0.hasSuffix("(machine)") })
        #expect(lines.contains { $0.hasPrefix("  spinNanoseconds = ") })

        // What is in force now, and not what was asked for then.
        stock.pinConcurrencyLimit(9)
        batcher.pin(size: 3)
        #expect(runtime.describe().contains("    limit = 9 (user)"))
        #expect(runtime.describe().contains("  size = 3 (user)"))
        try stock.replacePolicies(.none)
        #expect(runtime.describe().contains("dependency stock: no policies"))
        #expect(group.providers[0] === stock && cache.policy.weightMax.value == 77 && runs.count == 0)
        await batcher.close()
        await runtime.finishAsync()
    }

    /// However many come and go, the runtime speaks of those that live.
    @Test func whatHasGoneIsNotSpokenOf() async throws {
        let runtime = try Runtime(.init(workers: nil, pinning: .soft))
        let kept = Dependency("kept", on: runtime)
        for number in 0..<200 { _ = Dependency("gone \(number)", on: runtime) }
        let titles = runtime.settings.map(\.title)
        #expect(titles.count == 5 && titles.last?.hasPrefix("dependency kept: ") == true, "\(titles)")
        #expect(runtime.settings[0].settings.first?.source == .machine)
        #expect(kept.runtime === runtime)
        await runtime.finishAsync()
    }
}
