import GyreCore
import GyrePolicy
import Testing

@Suite struct FallbackChainTests {
    private let now = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    private func chain() throws -> FallbackChain {
        try FallbackChain([
            FallbackStep("mirror"), FallbackStep("small model", accepts: [.overloaded, .throttled]),
            FallbackStep("yesterday", source: .staleValue),
        ])
    }

    private func step(
        after failed: Int? = nil, _ error: ErrorClass, _ states: [CooldownState] = [.init(), .init(), .init()]
    ) throws -> Int? {
        try chain().step(after: failed, with: error, at: now) { states[$0] }
    }

    @Test func aChainThatCannotWorkIsRefused() {
        let stale = FallbackStep("stale", source: .staleValue), next = FallbackStep("next")
        let cases: [([FallbackStep], String)] = [
            ([], "steps"), ((0..<17).map { FallbackStep("\($0)") }, "steps"), ([FallbackStep("")], "steps[0].name"),
            ([next, next], "steps[1].name"), ([stale, next], "steps[0].source"),
            ([FallbackStep("a", cooldown: .seconds(-1))], "steps[0].cooldown"),
        ]
        for (steps, field) in cases {
            do throws(ConfigurationError) {
                _ = try FallbackChain(steps)
                Issue.record("\(field) passed")
            } catch {
                #expect(error.field == field)
            }
        }
    }

    @Test func eachStepIsDescribed() throws {
        let lines = try chain().settings.map(\.description)
        #expect(lines.count == 9)
        #expect(
            lines[1] == "mirror.accepts = transient, timedOut, overloaded, throttled, permanent, rejected (default)")
        #expect(lines[4] == "small model.accepts = overloaded, throttled (user)")
        #expect(lines[5] == "small model.cooldown = 5 s (default)")
    }

    @Test(arguments: [ErrorClass.cancelled, .interrupted, .budgetExhausted])
    func nothingIsAskedInsteadOfWhatNobodyWants(error: ErrorClass) throws {
        #expect(try step(error) == nil)
    }

    @Test(arguments: [ErrorClass.transient, .timedOut, .permanent, .rejected(retryAfter: nil), .overloaded])
    func anythingElseIsAskedOfTheFirst(error: ErrorClass) throws {
        #expect(try step(error) == 0)
    }

    @Test func aStepThatIsNoHelpIsLeftOut() throws {
        #expect(try step(after: 0, .transient) == 2)
        #expect(try step(after: 0, .throttled(retryAfter: nil)) == 1)
        #expect(try step(after: 2, .transient) == nil)
    }

    @Test func aStepThatFailedCoolsDown() throws {
        let chain = try chain()
        let failed = chain.ending(0, with: .transient, in: CooldownState(), at: now)
        #expect(try step(.transient, [failed, .init(), .init()]) == 2)
        #expect(failed.isCooling(at: now + .seconds(5) - .nanoseconds(1)))
        #expect(!failed.isCooling(at: now + .seconds(5)))
        #expect(chain.ending(0, with: nil, in: failed, at: now) == CooldownState())
        #expect(chain.ending(0, with: .cancelled, in: failed, at: now + .seconds(1)) == failed)
        let throttled = chain.ending(0, with: .throttled(retryAfter: .seconds(60)), in: failed, at: now)
        #expect(throttled.isCooling(at: now + .seconds(59)))
        #expect(chain.ending(0, with: .transient, in: throttled, at: now) == throttled)
    }

    @Test func aStaleValueNeverCoolsDown() throws {
        let hot = CooldownState(word: .max)
        #expect(try step(.transient, [hot, hot, hot]) == 2)
    }

    @Test func whoServedIsSaid() throws {
        let chain = try chain()
        #expect(chain.served(by: 1) == .fallback(name: "small model", index: 1))
        #expect(chain.served(by: 2) == .staleValue(name: "yesterday"))
    }

    // MARK: - For every seed

    /// Whatever fails how: each step is asked at most once, in order, and the walk ends.
    @Test func aWalkGoesForwardAndEnds() {
        forSeeds { random in
            let count = Int(random.pick(1...6))
            let chain = try FallbackChain(
                (0..<count).map { index in
                    FallbackStep("\(index)", accepts: ErrorKinds(rawValue: UInt16(random.pick(0...0x1FF))))
                })
            let states = (0..<count).map { _ in CooldownState(word: random.isOne(in: 3) ? .max : 0) }
            var failed: Int?
            while true {
                let error: ErrorClass = random.pick([
                    .transient, .timedOut, .overloaded, .throttled(retryAfter: nil), .permanent,
                    .rejected(retryAfter: nil), .budgetExhausted, .cancelled, .interrupted,
                ])
                let next = chain.step(after: failed, with: error, at: now) { states[$0] }
                let passed = (failed.map { $0 + 1 } ?? 0)..<(next ?? count)
                for index in passed {
                    let accepts = chain.steps[index].accepts.value.contains(error.kind)
                    try require(!accepts || states[index].isCooling(at: now), "\(index) was passed over")
                }
                guard let next else { return }
                try require(chain.steps[next].accepts.value.contains(error.kind), "\(next) does not accept \(error)")
                try require(!states[next].isCooling(at: now), "\(next) cools down")
                failed = next
            }
        }
    }
}
