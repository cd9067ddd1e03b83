import GyreCore
import GyrePolicy
import Testing

@Suite struct BatchTests {
    private func at(_ microseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: microseconds * 1_000)
    }

    private func member(
        _ id: UInt64, _ arrival: UInt64, deadline: MonotonicInstant = .distantFuture
    ) -> BatchMember<UInt64> {
        BatchMember(id, id: id, arrival: at(arrival), deadline: deadline)
    }

    @Test func withoutADelayWhatIsThereGoes() throws {
        let policy = try BatchPolicy(max: 8)
        #expect(policy.decide([member(1, 5)], size: 8, expectedNanoseconds: 0, at: at(5)) == .send(.waited))
    }

    @Test func aBatchGoesFullOrWhenItsFirstHasWaited() throws {
        let policy = try BatchPolicy(max: 3, within: .microseconds(100))
        let two = [member(1, 10), member(2, 60)]
        #expect(policy.decide(two, size: 3, expectedNanoseconds: 0, at: at(60)) == .wait(until: at(110)))
        #expect(policy.decide(two, size: 3, expectedNanoseconds: 0, at: at(110)) == .send(.waited))
        #expect(policy.decide(two + [member(3, 61)], size: 9, expectedNanoseconds: 0, at: at(61)) == .send(.full))
        #expect(policy.decide(two, size: 2, expectedNanoseconds: 0, at: at(60)) == .send(.full))
    }

    @Test func aMemberWhoseDeadlineCannotWaitGoesAtOnce() throws {
        let policy = try BatchPolicy(max: 8, within: .milliseconds(10))
        let members = [member(1, 0), member(2, 0, deadline: at(500))]
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 300_000, at: at(0)) == .wait(until: at(200)))
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 300_000, at: at(200)) == .send(.deadline))
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 900_000, at: at(0)) == .send(.deadline))
    }

    @Test func eachKeyFillsItsOwnBatch() throws {
        var book = try BatchBook<String, UInt64>(BatchPolicy(max: 2, within: .seconds(1)), keysMax: 2)
        func add(_ id: UInt64, _ key: String) -> BatchBook<String, UInt64>.Answer {
            book.add(member(id, 0), key: key, size: 2, expectedNanoseconds: 0, at: at(0))
        }
        guard case .wait(at(1_000_000)) = add(1, "a"), case .wait = add(2, "b") else {
            Issue.record("a batch that is not full went")
            return
        }
        guard case .tooManyKeys(keysMax: 2) = add(3, "c") else {
            Issue.record("a third key was opened")
            return
        }
        guard case .send(let members, .full) = add(4, "a") else {
            Issue.record("a full batch did not go")
            return
        }
        #expect(members.map(\.element) == [1, 4])
        let removed = book.remove(id: 2, key: "b")
        #expect(removed?.element == 2)
        #expect(book.count == 0)
        guard case .nothing = book.check("b", size: 2, expectedNanoseconds: 0, at: at(9)) else {
            Issue.record("an empty batch is open")
            return
        }
    }

    @Test(arguments: [
        (0, Duration.zero, Duration?.none, "max"), (1, .seconds(-1), nil, "within"), (1, .zero, .zero, "goal"),
    ])
    func whatMakesNoSenseIsNamed(max: Int, within: Duration, goal: Duration?, field: String) {
        #expect { try BatchPolicy(max: max, within: within, goal: goal) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    /// Members come, are cancelled and time passes: each leaves exactly once, no batch is above its size, none goes
    /// early without need, and none is late when it is asked at the instants that it named.
    @Test func everyMemberLeavesOnceAndInTime() throws {
        forSeeds { random in
            let (max, within) = (Int.random(in: 1...5, using: &random), UInt64.random(in: 0...50, using: &random))
            var book = try BatchBook<Int, UInt64>(BatchPolicy(max: max, within: .microseconds(within)))
            let expected = UInt64.random(in: 0...30, using: &random)
            var dues: [Int: UInt64] = [:]
            var waiting: [Int: Set<UInt64>] = [:]
            var now = UInt64(1_000)
            func settle(_ answer: BatchBook<Int, UInt64>.Answer, _ key: Int) throws {
                switch answer {
                case .wait(let until):
                    try require(until.nanoseconds > now * 1_000, "wait until \(until), which is past")
                    dues[key] = until.nanoseconds / 1_000
                case .send(let members, let reason):
                    let ids = Set(members.map(\.id))
                    try require(ids == waiting[key], "\(ids) went, \(waiting[key] ?? []) waited")
                    try require(members.count <= max, "\(members.count) of at most \(max)")
                    if reason == .full { try require(members.count == max, "not full") }
                    waiting[key] = nil
                    dues[key] = nil
                case .nothing: try require(waiting[key] == nil, "\(waiting[key] ?? []) are lost")
                case .tooManyKeys: throw Counterexample(description: "there are three keys")
                }
            }
            for id in 0..<15 as Range<UInt64> {
                let key = Int.random(in: 0..<3, using: &random)
                if Int.random(in: 0..<5, using: &random) == 0, let gone = waiting[key]?.randomElement(using: &random) {
                    waiting[key]?.remove(gone)
                    if waiting[key]?.isEmpty == true { waiting[key] = nil }
                    try require(book.remove(id: gone, key: key)?.id == gone, "\(gone) could not be cancelled")
                }
                let deadline = Bool.random(using: &random) ? at(now + UInt64.random(in: 0...80, using: &random)) : nil
                waiting[key, default: []].insert(id)
                let member = member(id, now, deadline: deadline ?? .distantFuture)
                try settle(
                    book.add(member, key: key, size: max, expectedNanoseconds: expected * 1_000, at: at(now)), key)
                now += UInt64.random(in: 0...20, using: &random)
                for (key, due) in dues where due <= now {
                    let answer = book.check(key, size: max, expectedNanoseconds: expected * 1_000, at: at(now))
                    try settle(answer, key)
                }
            }
            try require(book.count == waiting.values.reduce(0) { $0 + $1.count }, "\(book.count) wait")
        }
    }

    // MARK: - The size

    /// A model that takes 10 ms and 1 ms per member, with a goal of 50 ms: 40 members fit.
    @Test func theSizeSettlesWhereTheGoalIsKept() throws {
        var controller = BatchController(try BatchPolicy(max: 1_000, goal: .milliseconds(50)))
        var sizes: [Int] = []
        for index in 0..<20_000 as Range<UInt64> {
            let milliseconds = 10 + UInt64(controller.size.value)
            controller.record(nanoseconds: milliseconds * 1_000_000, wasFull: true, at: at(index))
            sizes.append(controller.size.value)
        }
        let settled = sizes.suffix(10_000)
        #expect((settled.min() ?? 0) >= 35)
        #expect((settled.max() ?? 0) <= 41)
        #expect(controller.expectedNanoseconds > 44_000_000)
    }

    @Test func batchesThatWereNotFullProveNothing() throws {
        var controller = BatchController(try BatchPolicy(max: 10, goal: .seconds(1)))
        for _ in 0..<20 { controller.record(nanoseconds: 5, wasFull: false, at: at(0)) }
        #expect(controller.size.value == 1)
        #expect(controller.size.lastDecision?.reason == .unused)
        for _ in 0..<(20 * 15) { controller.record(nanoseconds: 5, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 10)
        #expect(controller.size.lastDecision?.reason == .bounded)
    }

    @Test func withoutAGoalABatchIsAsLargeAsItMayBe() throws {
        var controller = BatchController(try BatchPolicy(max: 10))
        for _ in 0..<40 { controller.record(nanoseconds: 1 << 40, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 10)
        #expect(controller.size.lastDecision == nil)
    }

    @Test func aPinnedSizeStays() throws {
        var controller = BatchController(try BatchPolicy(max: 10, goal: .seconds(1)))
        controller.pin(99)
        #expect(controller.size.value == 10)
        controller.pin(4)
        for _ in 0..<20 { controller.record(nanoseconds: 5, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 4)
        #expect(controller.size.lastDecision?.value == 5)
        controller.unpin()
        for _ in 0..<20 { controller.record(nanoseconds: 5, wasFull: true, at: at(0)) }
        #expect(controller.size.value == 5)
        #expect(
            controller.settings.map(\.description)
                == ["max = 10 (user)", "within = 0 s (default)", "goal = 1 s (user)", "size = 5 (learned)"])
    }
}
