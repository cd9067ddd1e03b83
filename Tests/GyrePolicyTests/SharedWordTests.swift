import Dispatch
import GyreCore
import GyrePolicy
import Synchronization
import Testing

/// Words that four threads share, as whoever uses the policies shares them: a transition is computed from the word that
/// was found, and computed again when the exchange fails.
@Suite struct SharedWordTests {
    private static let threads = 4
    private static let calls: UInt64 = 4_000

    private final class Word<State: PackedState>: Sendable {
        private let word: Atomic<UInt64>

        init(_ state: State) { word = Atomic(state.word) }

        var state: State { State(word: word.load(ordering: .acquiring)) }

        /// Moves the word by `transition`, which returns `nil` when there is nothing to move.
        @discardableResult
        func move(_ transition: (State) -> State?) -> Bool {
            var found = state
            while true {
                guard let next = transition(found) else { return false }
                if next == found { return true }
                let (isDone, seen) = word.compareExchange(
                    expected: found.word, desired: next.word, ordering: .acquiringAndReleasing)
                if isDone { return true }
                found = State(word: seen)
            }
        }
    }

    private struct Slot: PackedState {
        var word: UInt64 = 0
    }

    private func onThreads(_ body: @Sendable (inout SeededRandom) -> Void) {
        DispatchQueue.concurrentPerform(iterations: Self.threads) { thread in
            var random = SeededRandom(seed: UInt64(thread))
            body(&random)
        }
    }

    @Test func aBudgetEndsAtZeroAndIsNeverExceeded() throws {
        let budget = try RetryBudget(share: 0.5, floor: 1, hedgeShare: 0.3)
        let word = Word(RetryBudgetState())
        let excesses = Atomic<Int>(0)
        onThreads { random in
            for _ in 0..<Self.calls {
                word.move { $0.beginning() }
                let retries = word.move { state in
                    let next = budget.retrying(state)
                    if let next, next.retryCount + next.hedgeCount > max(1, next.activeCount / 2) {
                        excesses.add(1, ordering: .relaxed)
                    }
                    return next
                }
                let hedges = random.isOne(in: 2) && word.move { budget.hedging($0) }
                if hedges { word.move { $0.endingHedge() } }
                if retries { word.move { $0.endingRetry() } }
                word.move { $0.ending() }
            }
        }
        #expect(word.state.word == 0)
        #expect(excesses.load(ordering: .relaxed) == 0)
    }

    /// A state and ten slots of a window are eleven words, and results come between a look at one and an exchange of
    /// another. Time is a count of calls, so that the breaker opens and closes many times.
    @Test func aBreakerKeepsNoLeaseAndClosesAgain() throws {
        let breaker = try CircuitBreaker(
            window: .milliseconds(10), callsMin: 3, openMin: .milliseconds(2), openMax: .milliseconds(4))
        let state = Word(BreakerState())
        let slots = (0..<10).map { _ in Word(Slot()) }
        let time = Atomic<UInt64>(1 << 40)
        let probes = Atomic<Int>(0)

        @Sendable func end(_ lease: BreakerLease, _ sample: BreakerSample, at now: MonotonicInstant, draw: UInt64) {
            let seen = state.state
            if breaker.counts(lease, in: seen) {
                let (index, tag) = BreakerWindow.slot(
                    at: now, nanosecondsPerSlot: breaker.nanosecondsPerSlot, generation: seen.generation)
                slots[index].move { Slot(word: BreakerWindow.counting(sample, into: $0.word, tag: tag)) }
            }
            state.move { found in
                breaker.ending(lease, with: sample, in: found, at: now, draw: draw) {
                    BreakerWindow.sums(
                        at: now, nanosecondsPerSlot: breaker.nanosecondsPerSlot, generation: found.generation
                    ) { slots[$0].state.word }
                }
            }
        }

        /// The lease of a call that passes.
        @Sendable func admit(at now: MonotonicInstant, draw: UInt64) -> BreakerLease? {
            var lease: BreakerLease?
            state.move { found in
                let next = breaker.admitting(found, at: now, draw: draw)
                if case .admitted(let granted) = next.verdict { lease = granted } else { lease = nil }
                return next.state
            }
            return lease
        }

        onThreads { random in
            for _ in 0..<Self.calls {
                let now = MonotonicInstant(nanoseconds: time.add(30_000, ordering: .relaxed).newValue)
                guard let lease = admit(at: now, draw: random.next()) else { continue }
                if lease.isProbe { probes.add(1, ordering: .relaxed) }
                end(lease, random.pick([.good, .failed, .nothing]), at: now, draw: random.next())
            }
        }
        #expect(probes.load(ordering: .relaxed) > 10)
        if state.state.mode == .halfOpen { #expect(state.state.probesOut == 0) }
        let later = MonotonicInstant(nanoseconds: time.load(ordering: .relaxed) + 10_000_000)
        for draw in 0..<2 as Range<UInt64> {
            let lease = try #require(admit(at: later, draw: draw))
            end(lease, .good, at: later, draw: draw)
        }
        #expect(breaker.mode(of: state.state, at: later) == .closed)
    }

    /// Three providers of which two may be out: the exchange of the group comes first, that of the provider second.
    @Test func aGroupKeepsOneProvider() throws {
        let policy = try ProviderGroup(
            errorsMax: 1, ejectionBase: .milliseconds(2), ejectionMax: .milliseconds(4), ejectedShare: 1)
        let group = Word(ProviderGroupState())
        let providers = (0..<3).map { _ in Word(ProviderState()) }
        let time = Atomic<UInt64>(1 << 40)
        let failures = Atomic<Int>(0)
        onThreads { random in
            for _ in 0..<Self.calls {
                let now = MonotonicInstant(nanoseconds: time.add(30_000, ordering: .relaxed).newValue)
                let index = Int(random.pick(0...2))
                let sample: BreakerSample = random.pick([.good, .failed])
                providers[index].move { policy.ending(with: sample, in: $0) }
                if policy.isOutlier(providers[index].state), group.move({ policy.ejecting(index, of: 3, in: $0) }) {
                    providers[index].move { policy.ejected($0, at: now) }
                }
                let back = Int(random.pick(0...2))
                group.move { policy.returning(back, providers[back].state, in: $0, at: now) }
                let seen = group.state
                let isNobodyLeft = policy.eligible(in: seen, count: 3, at: now) { providers[$0].state } == 0
                if isNobodyLeft || (0..<3).allSatisfy(seen.isEjected) { failures.add(1, ordering: .relaxed) }
            }
        }
        #expect(failures.load(ordering: .relaxed) == 0)
    }
}
