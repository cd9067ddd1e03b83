import GyreCore
import Testing

@testable import GyrePolicy

@Suite struct QuotaTests {
    private func at(_ seconds: UInt64) -> MonotonicInstant { MonotonicInstant(nanoseconds: seconds * 1_000_000_000) }

    private func reservation(_ verdict: Quota.Verdict) throws -> Quota.Reservation {
        guard case .reserved(let reservation) = verdict else {
            throw Counterexample(description: "not reserved: \(verdict)")
        }
        return reservation
    }

    @Test func everythingIsReservedTogetherAndCorrectedAfterwards() throws {
        let quota = try Quota(
            requests: RateLimit(60, per: .seconds(60), burst: 60),
            tokens: RateLimit(6_000, per: .seconds(60), burst: 6_000), concurrency: 2, money: Budget(limit: 100))
        let words = Words()
        let held = try reservation(quota.reserve(.init(tokens: 4_000, money: 30), storage: words, at: at(0)))
        #expect(words.available(quota, at: at(0)) == [59, 2_000, 70])
        #expect(!quota.complete(held, used: .init(tokens: 1_000, money: 10), storage: words, at: at(0)))
        #expect(words.available(quota, at: at(0)) == [59, 5_000, 90])
        #expect(words.permits == PermitState())
        let dear = try reservation(quota.reserve(.init(tokens: 1_000, money: 10), storage: words, at: at(0)))
        _ = quota.complete(dear, used: .init(tokens: 3_000, money: 40), storage: words, at: at(0))
        #expect(words.available(quota, at: at(0)) == [58, 2_000, 50])
    }

    @Test func aCallThatFailedCountsAsACallAndOneThatWasNotMadeDoesNot() throws {
        let quota = try Quota(
            requests: RateLimit(10, per: .seconds(60), burst: 10), tokens: RateLimit(100, per: .seconds(60), burst: 100)
        )
        let words = Words()
        let failed = try reservation(quota.reserve(.init(tokens: 50), storage: words, at: at(0)))
        _ = quota.complete(failed, used: .init(), storage: words, at: at(0))
        #expect(words.available(quota, at: at(0)) == [9, 100])
        let unmade = try reservation(quota.reserve(.init(tokens: 50), storage: words, at: at(0)))
        _ = quota.abandon(unmade, storage: words, at: at(0))
        #expect(words.available(quota, at: at(0)) == [9, 100])
    }

    @Test func aRefusalLeavesNothingReserved() throws {
        let quota = try Quota(
            requests: RateLimit(9, per: .seconds(9), burst: 9), tokens: RateLimit(90, per: .seconds(9), burst: 90),
            concurrency: 1, waitersMax: 1, money: Budget(limit: 5))
        let words = Words()
        _ = try reservation(quota.reserve(.init(tokens: 80, money: 1), storage: words, at: at(0)))
        let before = words.available(quota, at: at(0))
        #expect(quota.reserve(.init(tokens: 20), storage: words, at: at(0)) == .wait(until: at(1), for: .tokens))
        #expect(words.available(quota, at: at(0)) == before)
        #expect(
            quota.reserve(.init(tokens: 1, money: 5), storage: words, at: at(0))
                == .budgetExhausted(asked: 5, left: 4))
        #expect(words.available(quota, at: at(0)) == before)
        #expect(quota.reserve(.init(tokens: 1, money: 4), storage: words, at: at(0)) == .waitForPermit)
        #expect(words.available(quota, at: at(0)) == before)
        quota.leave(storage: words)
        #expect(words.permits == PermitState(inUse: 1))
    }

    @Test func aWaitIsTheLatestOfAllThatIsShort() throws {
        let quota = try Quota(
            requests: RateLimit(1, per: .seconds(5)), tokens: RateLimit(10, per: .seconds(100), burst: 10))
        let words = Words()
        _ = try reservation(quota.reserve(.init(tokens: 10), storage: words, at: at(0)))
        #expect(quota.reserve(.init(tokens: 3), storage: words, at: at(0)) == .wait(until: at(30), for: .tokens))
        #expect(quota.reserve(.init(tokens: 0), storage: words, at: at(0)) == .wait(until: at(5), for: .requests))
        quota.throttle(storage: words, until: at(20))
        #expect(quota.reserve(.init(tokens: 3), storage: words, at: at(0)) == .wait(until: at(30), for: .tokens))
        quota.throttle(storage: words, until: at(40))
        quota.throttle(storage: words, until: at(35))
        #expect(quota.reserve(.init(tokens: 3), storage: words, at: at(39)) == .wait(until: at(40), for: .block))
        _ = try reservation(quota.reserve(.init(tokens: 3), storage: words, at: at(40)))
    }

    @Test func whatNoWaitCanMendIsRefusedAtOnceWithTheNumbers() throws {
        let quota = try Quota(
            tokens: RateLimit(30_000, per: .seconds(60), burst: 30_000), concurrency: 1, waitersMax: 1,
            money: Budget(limit: 5))
        let words = Words()
        let large = quota.reserve(.init(tokens: 36_055), storage: words, at: at(0))
        #expect(large == .exceedsBurst(asked: 36_055, burst: 30_000))
        #expect(
            quota.reserve(.init(money: 6), storage: words, at: at(0)) == .budgetExhausted(asked: 6, left: 5))
        let held = try reservation(quota.reserve(.init(money: 1), storage: words, at: at(0)))
        #expect(quota.reserve(.init(tokens: 9, money: 1), storage: words, at: at(0)) == .waitForPermit)
        #expect(quota.reserve(.init(), storage: words, at: at(0)) == .full)
        #expect(words.available(quota, at: at(0)) == [30_000, 4])
        #expect(quota.complete(held, used: .init(money: 1), storage: words, at: at(0)), "a waiter is owed the permit")
        let handed = quota.reserve(.init(tokens: 9, money: 1), holdsPermit: true, storage: words, at: at(0))
        #expect(!quota.complete(try reservation(handed), used: .init(), storage: words, at: at(0)))
        #expect(words.permits == PermitState())
    }

    @Test func whatTheProviderSaysOnlyTightens() throws {
        let quota = try Quota(
            requests: RateLimit(60, per: .seconds(60), burst: 60), tokens: RateLimit(600, per: .seconds(60), burst: 600)
        )
        let words = Words()
        quota.observe(.requests, remaining: 10, resetAfter: .seconds(50), storage: words, at: at(0))
        quota.observe(.tokens, remaining: 9_999, resetAfter: .zero, storage: words, at: at(0))
        #expect(words.available(quota, at: at(0)) == [10, 600])
        quota.observe(.tokens, remaining: 0, resetAfter: .seconds(360), storage: words, at: at(0))
        quota.observe(.requests, remaining: 0, resetAfter: .seconds(1), storage: words, at: at(0))
        #expect(quota.reserve(.init(), storage: words, at: at(2)) == .wait(until: at(360), for: .block))
    }

    @Test func answersAreForecastFromTheLastOnes() {
        var forecast = OutputForecast()
        for tokens in 1...49 as ClosedRange<UInt64> { forecast.record(tokens: tokens) }
        #expect(forecast.tokens(fallback: 4_096) == 4_096)
        for tokens in 50...100 as ClosedRange<UInt64> { forecast.record(tokens: tokens) }
        #expect(forecast.tokens(fallback: 4_096) == 90)
        #expect(forecast.tokens(fallback: 4_096, most: 64) == 64)
        for _ in 0..<2_001 { forecast.record(tokens: 500) }
        #expect(abs(Int(forecast.tokens(fallback: 0)) - 500) <= 4, "what was long ago does not count")
    }

    @Test func everyValueSaysWhereItCameFrom() throws {
        let quota = try Quota(requests: RateLimit(3, per: .seconds(1)), concurrency: 7, money: Budget(limit: 9))
        #expect(
            quota.settings.map(\.description) == [
                "requests.limit = 3 (user)", "requests.period = 1 s (user)", "requests.burst = 1 (default)",
                "money.limit = 9 (user)", "concurrency = 7 (user)", "waitersMax = 1024 (default)",
            ])
        #expect(throws: ConfigurationError.self) { try Quota(concurrency: 0) }
    }

    /// Q1 to Q4 when others act between any two steps of a call: the storage lets a whole other call begin or end
    /// before each update, as a second thread might.
    @Test func noInterleavingLosesOrDoublesAnything() throws {
        let quota = try Quota(
            requests: RateLimit(100, per: .seconds(10), burst: 8),
            tokens: RateLimit(1_000, per: .seconds(10), burst: 200),
            concurrency: 3, waitersMax: 2, money: Budget(limit: 400))
        var (reserved, histories) = (0, 0)
        forSeeds { random in
            histories += 1
            let run = Interleaving(quota, random)
            for _ in 0..<15 { run.act() }
            run.isQuiet = true
            while run.endOne() {}
            reserved += run.reserved
            if let failure = run.failure { throw Counterexample(description: failure) }
            try require(run.words.permits == PermitState(), "permits left: \(run.words.permits)")
            let money = run.words.load(.money)
            try require(money == run.spent, "\(money) spent or reserved, \(run.spent) spent")
        }
        #expect(reserved > histories, "the histories must reserve: \(reserved)")
    }
}

/// The words of a quota; `between` runs before each update.
private final class Words: QuotaStorage {
    private var words: [Quota.Resource: UInt64] = [:]
    var between: () -> Void = {}

    func load(_ resource: Quota.Resource) -> UInt64 { words[resource, default: 0] }

    func update<Answer>(_ resource: Quota.Resource, _ step: (UInt64) -> (UInt64, Answer)) -> Answer {
        between()
        let (word, answer) = step(load(resource))
        words[resource] = word
        return answer
    }

    var permits: PermitState { PermitState(word: load(.concurrency)) }

    /// Requests, tokens and money that are left, of those that are configured.
    func available(_ quota: Quota, at now: MonotonicInstant) -> [UInt64] {
        [
            quota.requests.map { $0.available(RateLimitState(word: load(.requests)), at: now) },
            quota.tokens.map { $0.available(RateLimitState(word: load(.tokens)), at: now) },
            quota.money.map { $0.left(BudgetState(word: load(.money))) },
        ].compactMap { $0 }
    }
}

/// Calls that begin and end inside each other's steps, up to three deep.
private final class Interleaving {
    let quota: Quota
    let words = Words()
    var isQuiet = false
    private(set) var failure: String?
    private(set) var spent: UInt64 = 0
    private(set) var reserved = 0
    private var random: SeededRandom
    private var now = MonotonicInstant(nanoseconds: 0)
    private var blockedUntil = MonotonicInstant(nanoseconds: 0)
    private var open: [Quota.Reservation] = []
    private var waiting = 0
    private var depth = 0

    init(_ quota: Quota, _ random: SeededRandom) {
        self.quota = quota
        self.random = random
        words.between = { [unowned self] in
            guard !isQuiet, depth < 3, Int.random(in: 0..<4, using: &self.random) == 0 else { return }
            act()
        }
    }

    func act() {
        depth += 1
        defer { depth -= 1 }
        switch Int.random(in: 0..<8, using: &random) {
        case 0...3: begin()
        case 4, 5: _ = endOne()
        case 6: now = now + .nanoseconds(Int64.random(in: 0...400_000_000, using: &random))
        default:
            // Not while a call is between its steps: it may have looked before the 429 came.
            guard depth == 1 else { return }
            blockedUntil = max(blockedUntil, now + .milliseconds(Int64.random(in: 0...50, using: &random)))
            quota.throttle(storage: words, until: blockedUntil)
        }
    }

    private func begin() {
        let need = Quota.Need(
            tokens: UInt64.random(in: 0...100, using: &random), money: UInt64.random(in: 0...20, using: &random))
        let start = now
        settle(quota.reserve(need, storage: words, at: start), at: start)
    }

    /// Ends a call, and lets waiters have what permits that frees. False when no call is open.
    func endOne() -> Bool {
        guard !open.isEmpty else { return false }
        let held = open.remove(at: Int.random(in: open.indices, using: &random))
        var handsOver: Bool
        if Bool.random(using: &random) {
            handsOver = quota.abandon(held, storage: words, at: now)
        } else {
            let used = Quota.Need(
                tokens: UInt64.random(in: 0...120, using: &random), money: UInt64.random(in: 0...20, using: &random))
            spent += used.money
            handsOver = quota.complete(held, used: used, storage: words, at: now)
        }
        while handsOver {
            if waiting > 0 { waiting -= 1 }
            // The waiter needs nothing but the permit, and gives it back.
            handsOver = words.update(.concurrency) { word in
                let answer = PermitState(word: word).releasing(limit: 3)
                return (answer.state.word, answer.handsOver)
            }
        }
        return true
    }

    private func settle(_ verdict: Quota.Verdict, at start: MonotonicInstant) {
        switch verdict {
        case .reserved(let reservation):
            reserved += 1
            open.append(reservation)
            if start < blockedUntil, depth == 1 { failure = "served at \(start), blocked until \(blockedUntil)" }
            if open.count > 3 { failure = "\(open.count) calls at once" }
        case .wait(let until, _):
            if until < start { failure = "wait until \(until), which is past at \(start)" }
        case .waitForPermit: waiting += 1
        case .full, .budgetExhausted: break
        case .exceedsBurst: failure = "100 tokens are no more than the burst"
        }
    }
}
