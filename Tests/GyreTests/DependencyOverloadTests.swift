import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// What is left of a dependency under ten times the load it bears, and of one beside a dead one. Under manual time:
/// these are statements about the policies and the scheduler's order, not about a machine.
@Suite struct DependencyOverloadTests {
    /// A service of 10 places and 10 ms each: 1,000 a second is all it does. Calls have 100 ms.
    private struct Load {
        let manual: ManualRuntime
        let stock: Dependency
        let service: QueueingService
        let good = Tally()
        let urgent = EventLog<Duration>(MonotonicClock.manual().clock)

        init() throws {
            var configuration = Runtime.Configuration(workers: 2)
            configuration.inFlight = 16_384
            manual = try ManualRuntime(configuration)
            stock = try Dependency(
                "stock", on: manual.runtime,
                .init(
                    timeouts: Timeouts(total: .milliseconds(100)),
                    fairQueue: FairQueueConfiguration(capacity: 100, whenFull: .shedLowest), shedding: CoDel(),
                    bulkhead: Bulkhead(permits: 10), retry: RetryPolicy(), retryBudget: RetryBudget(),
                    breaker: CircuitBreaker()))
            service = QueueingService(places: 10, time: .milliseconds(10), on: manual.runtime)
        }

        func call(urgent isUrgent: Bool = false) {
            let (stock, service, good, urgent) = (stock, service, good, urgent)
            manual.start {
                let began = stock.runtime.clock.now
                try await stock.call(priority: isUrgent ? .highest : .normal) { _ in try await service.serve() }
                good.add()
                if isUrgent { urgent.record(began.duration(to: stock.runtime.clock.now)) }
            }
        }

        var urgentP99: Duration {
            let sorted = urgent.values.sorted()
            return sorted.isEmpty ? .zero : sorted[(sorted.count * 99 + 99) / 100 - 1]
        }
    }

    /// Each millisecond `each` calls, every second of those milliseconds an urgent one instead of one of them.
    private func run(_ load: Load, milliseconds: Int, each: Int, urgentEvery: Int = 4) {
        for millisecond in 0..<milliseconds {
            for number in 0..<each { load.call(urgent: number == 0 && millisecond % urgentEvery == 0) }
            load.manual.advance(by: .milliseconds(1))
        }
        load.manual.advance(by: .seconds(1))
    }

    @Test func tenTimesTheLoadLeavesNineTenthsOfTheWorkAndTheUrgentInTime() throws {
        let peak = try Load()
        run(peak, milliseconds: 1_000, each: 1)
        #expect(peak.good.count == 1_000)
        let unloaded = try Load()
        run(unloaded, milliseconds: 1_000, each: 1, urgentEvery: 4)
        let overloaded = try Load()
        run(overloaded, milliseconds: 1_000, each: 10)
        // The second of load; the queue that is left at its end is no goodput of it, nor much.
        #expect(overloaded.good.count >= 900 && overloaded.good.count <= 1_110, "\(overloaded.good.count)")
        #expect(overloaded.urgent.values.count == 250, "none of the urgent was shed")
        #expect(overloaded.urgentP99 <= unloaded.urgentP99 * 2, "\(overloaded.urgentP99), \(unloaded.urgentP99)")
        for load in [peak, unloaded, overloaded] {
            load.stock.expectNothingHeld()
            #expect(load.manual.finish().isComplete)
        }
    }

    /// `price` hangs for ever; each of its calls is given up after 50 ms. As many of its calls come as of `stock`'s, on
    /// a runtime that has room for 64 tasks at once.
    @Test(arguments: [false, true]) func aDeadDependencyTakesNothingFromTheOthers(isDead: Bool) throws {
        var configuration = Runtime.Configuration(workers: 2)
        configuration.inFlight = 64
        let manual = try ManualRuntime(configuration)
        let runtime = manual.runtime
        let policies = Dependency.Policies(
            timeouts: try Timeouts(attempt: .milliseconds(50)), bulkhead: try Bulkhead(permits: 10),
            retry: try RetryPolicy(), retryBudget: try RetryBudget(), breaker: try CircuitBreaker())
        let price = try Dependency("price", on: runtime, policies, seed: 1)
        let stock = try Dependency("stock", on: runtime, policies, seed: 2)
        let good = Tally()
        for _ in 0..<2_000 {
            manual.start { try await price.call { _ in try await runtime.sleep(for: isDead ? .seconds(60) : .zero) } }
            manual.start {
                try await stock.call { _ in try await runtime.sleep(for: .milliseconds(5)) }
                good.add()
            }
            manual.advance(by: .milliseconds(1))
        }
        manual.advance(by: .seconds(1))
        #expect(good.count >= 1_900, "\(good.count) of 2,000")
        if isDead { #expect(price.snapshot().breaker != .closed) }
        manual.advance(by: .seconds(600))
        price.expectNothingHeld()
        stock.expectNothingHeld()
        #expect(manual.finish().isComplete)
    }
}
