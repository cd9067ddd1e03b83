import GyreCore
import GyrePolicy
import Testing

@Suite struct AdaptiveLimitTests {
    /// A dependency that works on `capacity` tasks at once, each for `serviceSeconds`; more of them queue. Callers
    /// always have `demand` tasks. What one window of a second measures, with a little noise.
    private struct Service {
        var capacity = 50.0
        var serviceSeconds = 0.01
        var demand = 1_000.0
        var noise = 0.05
        /// Added latency per task in flight above capacity, as of a machine that also gets slower.
        var collapse = 0.0

        func window(limit: UInt32, began: MonotonicInstant, _ random: inout SeededRandom) -> AdaptiveWindow {
            var window = AdaptiveWindow(began: began)
            let inFlight = min(Double(limit), demand)
            let waiting = max(0, inFlight - capacity)
            let service = serviceSeconds * (1 + collapse * waiting)
            let latency = service * max(1, inFlight / capacity)
            let completions = Int(inFlight / latency)
            window.wasFull = demand >= Double(limit)
            for _ in 0..<min(completions, 200) {
                let noisy = latency * (1 + noise * (random.next().unit - 0.5))
                window.succeed(latencyNanoseconds: UInt64(noisy * 1e9), inFlight: UInt32(inFlight))
            }
            // The histogram counts in bulk what the loop has not drawn.
            if completions > 200 {
                window.latencies.record(nanoseconds: UInt64(latency * 1e9), times: UInt64(completions - 200))
            }
            return window
        }
    }

    private func run(
        _ controller: inout AdaptiveController, _ service: Service, seconds: Int, seed: UInt64 = 1
    ) -> [UInt32] {
        var random = SeededRandom(seed: seed)
        var now = MonotonicInstant(nanoseconds: 1_000_000_000)
        return (0..<seconds).map { _ in
            let window = service.window(limit: controller.limit.value, began: now, &random)
            now = now + .seconds(1)
            return controller.update(window, at: now)
        }
    }

    @Test func itRisesAsFarAsTheServiceKeepsUp() throws {
        var controller = AdaptiveController(try AdaptiveLimit())
        let limits = run(&controller, Service(capacity: 500), seconds: 400)
        #expect(limits.last == 200)
        #expect(controller.limit.lastDecision?.reason == .shortQueue)
    }

    /// The failure of Gradient2 (Netflix/concurrency-limits pull 134): a queue that is always there becomes normal.
    @Test(arguments: [UInt64(1), 2, 3]) func itDoesNotClimbWithoutEndUnderMildOverload(seed: UInt64) throws {
        var controller = AdaptiveController(try AdaptiveLimit())
        let limits = run(&controller, Service(), seconds: 3_000, seed: seed)
        #expect(limits.suffix(2_000).max() ?? 0 < 120, "\(limits.suffix(20))")
        #expect(limits.suffix(2_000).min() ?? 0 >= 20, "\(limits.suffix(20))")
    }

    @Test func itFallsWhenMoreInFlightBringsLessThrough() throws {
        var controller = AdaptiveController(try AdaptiveLimit(initial: 150))
        let limits = run(&controller, Service(collapse: 0.05), seconds: 1_000)
        #expect(limits.suffix(500).max() ?? 0 < 110, "\(limits.suffix(20))")
    }

    @Test func constantTimeoutsAreNoHealth() throws {
        var controller = AdaptiveController(try AdaptiveLimit(initial: 200))
        var now = MonotonicInstant(nanoseconds: 0)
        for _ in 0..<12 {
            var window = AdaptiveWindow(began: now)
            for _ in 0..<20 { window.congest(inFlight: controller.limit.value) }
            now = now + .seconds(5)
            controller.update(window, at: now)
        }
        #expect(controller.limit.value == 1)
        #expect(controller.limit.lastDecision?.reason == .congestion)
    }

    @Test func fewTimeoutsLowerItByHalfTheirShare() throws {
        var controller = AdaptiveController(try AdaptiveLimit(initial: 100))
        var window = AdaptiveWindow(began: .init(nanoseconds: 0))
        for _ in 0..<80 { window.succeed(latencyNanoseconds: 1_000_000, inFlight: 100) }
        for _ in 0..<20 { window.congest(inFlight: 100) }
        #expect(controller.update(window, at: .init(nanoseconds: 1_000_000_000)) == 90)
    }

    @Test func aLimitThatNobodyUsesComesDownTowardsFiveTimesWhatIsUsed() throws {
        var controller = AdaptiveController(try AdaptiveLimit(initial: 200))
        let limits = run(&controller, Service(demand: 10), seconds: 400)
        #expect((49...51).contains(limits.last ?? 0), "\(limits.suffix(5))")
    }

    @Test func tooFewSamplesDecideNothing() throws {
        var controller = AdaptiveController(try AdaptiveLimit())
        var window = AdaptiveWindow(began: .init(nanoseconds: 0))
        for _ in 0..<49 { window.succeed(latencyNanoseconds: 1_000, inFlight: 20) }
        #expect(!controller.isComplete(window, at: .init(nanoseconds: 2_000_000_000)))
        #expect(controller.update(window, at: .init(nanoseconds: 2_000_000_000)) == 20)
        #expect(controller.limit.lastDecision?.reason == .fewSamples)
        window.succeed(latencyNanoseconds: 1_000, inFlight: 20)
        #expect(!controller.isComplete(window, at: .init(nanoseconds: 999_999_999)))
        #expect(controller.isComplete(window, at: .init(nanoseconds: 1_000_000_000)))
    }

    @Test func aPinnedLimitStaysAndShowsWhatWouldHaveBeen() throws {
        var controller = AdaptiveController(try AdaptiveLimit())
        #expect(controller.settings.last?.description == "limit = 20 (default)")
        controller.pin(40)
        #expect(run(&controller, Service(capacity: 500), seconds: 3) == [40, 40, 40])
        #expect(controller.limit.lastDecision?.value == 41)
        #expect(controller.settings.last?.description == "limit = 40 (user)")
        controller.unpin()
        #expect(run(&controller, Service(capacity: 500), seconds: 1) == [41])
        #expect(controller.settings.last?.description == "limit = 41 (learned)")
    }

    @Test(arguments: [
        (UInt32(0), UInt32(9), UInt32(5), "minimum"), (5, 4, 5, "maximum"), (5, 9, 10, "initial"), (5, 9, 4, "initial"),
    ])
    func whatMakesNoSenseIsNamed(minimum: UInt32, maximum: UInt32, initial: UInt32, field: String) {
        #expect { try AdaptiveLimit(minimum: minimum, maximum: maximum, initial: initial) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    /// L1, with windows that no service would ever give.
    @Test func whateverIsMeasuredTheLimitStaysInItsRange() throws {
        let configuration = try AdaptiveLimit(minimum: 3, maximum: 60, samplesMin: 2)
        forSeeds { random in
            var controller = AdaptiveController(configuration)
            var now = MonotonicInstant(nanoseconds: random.next() >> 2)
            for _ in 0..<6 {
                var window = AdaptiveWindow(began: now)
                window.wasFull = Bool.random(using: &random)
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    let latency = random.next() >> UInt64.random(in: 0...63, using: &random)
                    let inFlight = UInt32.random(in: 0...100, using: &random)
                    if Bool.random(using: &random) {
                        window.succeed(latencyNanoseconds: latency, inFlight: inFlight)
                    } else {
                        window.congest(inFlight: inFlight)
                    }
                }
                now = now + .milliseconds(Int64.random(in: 0...4_000, using: &random))
                let limit = controller.update(window, at: now)
                try require((3...60).contains(limit), "limit \(limit)")
            }
        }
    }
}
