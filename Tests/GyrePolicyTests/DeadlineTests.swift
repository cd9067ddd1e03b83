import GyreCore
import GyrePolicy
import Testing

@Suite struct DeadlineTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    @Test func thereIsNoLimitThatNobodyChose() throws {
        let timeouts = try Timeouts()
        #expect(timeouts.settings.prefix(4).allSatisfy { $0.value == "none" && $0.source == .default })
        let total = timeouts.total(from: start)
        #expect(total == .never)
        #expect(timeouts.idle(from: start, within: timeouts.attempt(from: start, within: total)) == .never)
        #expect(total.remaining(at: start) == nil)
        #expect(!total.hasPassed(at: .distantFuture))
    }

    @Test func whatIsNoTimeIsRefused() {
        #expect(throws: ConfigurationError(field: "queue", reason: "0 s is no time; leave it out for no limit")) {
            try Timeouts(queue: .zero)
        }
        #expect(throws: ConfigurationError.self) { try Timeouts(total: .seconds(-1)) }
        #expect(throws: ConfigurationError.self) { try Timeouts(idle: .zero) }
        let reason = "2 s is longer than the 1 s that all attempts have together"
        #expect(throws: ConfigurationError(field: "attempt", reason: reason)) {
            try Timeouts(attempt: .seconds(2), total: .seconds(1))
        }
    }

    @Test func theEarlierLimitIsNamed() throws {
        let timeouts = try Timeouts(
            queue: .seconds(1), attempt: .seconds(2), total: .seconds(10), idle: .milliseconds(100))
        let total = timeouts.total(from: start)
        #expect(total == Deadline(start + .seconds(10), by: .total))
        #expect(timeouts.total(from: start, parent: start + .seconds(3)) == Deadline(start + .seconds(3), by: .parent))
        #expect(timeouts.queue(from: start, within: total) == Deadline(start + .seconds(1), by: .queue))
        let late = start + .seconds(9)
        let attempt = timeouts.attempt(from: late, within: total)
        #expect(attempt == total)
        #expect(timeouts.idle(from: late, within: attempt) == Deadline(late + .milliseconds(100), by: .idle))
    }

    @Test func aDeadlinePassesAtItsInstant() {
        let deadline = Deadline(start, by: .total)
        #expect(!deadline.hasPassed(at: start - .nanoseconds(1)))
        #expect(deadline.hasPassed(at: start))
        #expect(deadline.remaining(at: start - .seconds(1)) == .seconds(1))
        #expect(deadline.remaining(at: start + .seconds(1)) == .zero)
    }

    @Test func aLearnedLimitIsHalfAgainTheSlowestWithinItsBounds() throws {
        let timeouts = try Timeouts(attempt: .seconds(1), learnsAttempt: true)
        #expect(timeouts.attemptLimit(slowestNanoseconds: nil) == Setting(.seconds(1), from: .user))
        #expect(timeouts.attemptLimit(slowestNanoseconds: 10_000_000) == Setting(.milliseconds(15), from: .learned))
        #expect(timeouts.attemptLimit(slowestNanoseconds: 1) == Setting(.milliseconds(1), from: .learned))
        #expect(timeouts.attemptLimit(slowestNanoseconds: .max) == Setting(.seconds(1), from: .user))
        #expect(try Timeouts(learnsAttempt: true).attemptLimit(slowestNanoseconds: 2_000_000).value == .milliseconds(3))
        #expect(try Timeouts().attemptLimit(slowestNanoseconds: 2_000_000).value == nil)
    }

    @Test func anAttemptHasTheLearnedTime() throws {
        let timeouts = try Timeouts(attempt: .seconds(1), learnsAttempt: true)
        let attempt = timeouts.attempt(from: start, within: .never, slowestNanoseconds: 10_000_000)
        #expect(attempt == Deadline(start + .milliseconds(15), by: .attempt))
        let unknown = timeouts.attempt(from: start, within: .never, slowestNanoseconds: nil)
        #expect(unknown == Deadline(start + .seconds(1), by: .attempt))
    }

    // MARK: - For every seed

    @Test func noChildOutlivesItsParent() {
        forSeeds { random in
            func limit() -> Duration? { random.isOne(in: 3) ? nil : .nanoseconds(Int64(random.pick(1...1_000_000))) }
            let attempt = limit()
            let total = limit().map { max($0, attempt ?? .zero) }
            let timeouts = try Timeouts(
                queue: limit(), attempt: attempt, total: total, idle: limit(), learnsAttempt: random.isOne(in: 2))
            let parent =
                random.isOne(in: 3)
                ? MonotonicInstant.distantFuture : start + .nanoseconds(Int64(random.pick(0...1_000_000)))
            let whole = timeouts.total(from: start, parent: parent)
            let later = start + .nanoseconds(Int64(random.pick(0...1_000_000)))
            let first = timeouts.attempt(
                from: later, within: whole, slowestNanoseconds: random.isOne(in: 2) ? nil : random.pick(0...1_000_000))
            try require(whole.instant <= parent, "the total outlives the parent")
            try require(timeouts.queue(from: start, within: whole) <= whole, "the queue outlives the total")
            try require(first <= whole, "an attempt outlives the total")
            try require(timeouts.idle(from: later, within: first) <= first, "silence outlives the attempt")
        }
    }
}

@Suite struct RemainingTimeTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    @Test(arguments: [
        (0, "0n"), (99_999_999, "99999999n"), (100_000_000, "100000u"), (1_234_567_890_123, "1234567m"),
        (UInt64.max, "5124095H"),
    ])
    func theFinestUnitThatFitsIsSent(nanoseconds: UInt64, text: String) {
        #expect(RemainingTime(nanoseconds: nanoseconds).description == text)
    }

    @Test(arguments: ["", "n", "1", "1x", "123456789n", "-1n", "+1n", " 1n", "1n ", "1.5S", "1nn", "١n"])
    func whatIsNoHeaderIsRefused(text: String) {
        #expect(RemainingTime(text) == nil)
    }

    @Test func everyUnitIsRead() {
        let expected: [(String, UInt64)] = [
            ("1n", 1), ("1u", 1_000), ("1m", 1_000_000), ("1S", 1_000_000_000), ("1M", 60_000_000_000),
            ("1H", 3_600_000_000_000), ("00000007S", 7_000_000_000), ("99999999H", .max),
        ]
        for (text, nanoseconds) in expected { #expect(RemainingTime(text)?.nanoseconds == nanoseconds, "\(text)") }
    }

    @Test func whatNeverComesIsNotSent() {
        #expect(RemainingTime(of: .never, at: start) == nil)
        #expect(RemainingTime(of: Deadline(start, by: .total), at: start + .seconds(1))?.nanoseconds == 0)
    }

    @Test func theWayHereIsTakenOff() {
        let remaining = RemainingTime(nanoseconds: 1_000)
        let deadline = remaining.deadline(received: start, transit: .nanoseconds(400))
        #expect(deadline == Deadline(start + .nanoseconds(600), by: .parent))
        #expect(remaining.deadline(received: start, transit: .seconds(1)).instant == start)
    }

    /// Two clocks that have nothing to do with each other.
    @Test func nobodyIsGivenMoreTimeThanThereWas() {
        forSeeds { random in
            let here = MonotonicInstant(nanoseconds: random.next() >> 8)
            let there = MonotonicInstant(nanoseconds: random.next() >> 8)
            let left = random.next() >> random.pick(8...63)
            let deadline = Deadline(MonotonicInstant(nanoseconds: here.nanoseconds + left), by: .total)
            let text = RemainingTime(of: deadline, at: here)?.description ?? ""
            guard let read = RemainingTime(text) else { throw Counterexample(description: "\(text) is not read") }
            let given = read.deadline(received: there).instant.nanoseconds - there.nanoseconds
            try require(given <= left, "\(given) of \(left)")
            // Seven digits are kept.
            try require(Double(left - given) <= Double(left) * 1e-4, "\(given) of \(left)")
        }
    }
}
