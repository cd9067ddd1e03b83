import GyreCore
import GyrePolicy
import Testing

/// Histories by chance: calls overlap, succeed, fail, are cancelled or throttled, run late, or are never heard of
/// again.
@Suite struct BreakerPropertyTests {
    private struct History {
        var subject: BreakerSubject
        /// Calls under way, of whatever generation.
        var out: [(lease: BreakerLease, deadline: MonotonicInstant)] = []

        init(_ random: inout SeededRandom) throws {
            let probes = Int(random.pick(1...15))
            subject = BreakerSubject(
                try CircuitBreaker(
                    window: random.pick([.milliseconds(10), .seconds(10)]), callsMin: Int(random.pick(1...6)),
                    slowCall: random.pick([.never, .over(.seconds(1))]), openMin: .milliseconds(5),
                    openMax: random.pick([.milliseconds(5), .milliseconds(8), .seconds(1)]), probes: probes,
                    goodProbes: Int(random.pick(1...UInt64(probes))), probeMax: .milliseconds(40)))
            // Ticks repeat at 2^52, generations at 8,192.
            let edge = random.pick([1 << 40, 1 << 52, 3 << 52] as [UInt64])
            subject.now = MonotonicInstant(nanoseconds: edge - random.pick(0...100_000_000))
            subject.state = BreakerState(generation: random.pick([0, 8_180]))
            subject.random = SeededRandom(seed: random.next())
        }

        var liveProbes: Int {
            out.count { $0.lease.isProbe && UInt64($0.lease.generation) == subject.state.generation }
        }
    }

    private func step(_ history: inout History, _ random: inout SeededRandom) throws {
        switch random.pick(0...9) {
        case 0...3:
            let deadline =
                random.isOne(in: 4)
                ? MonotonicInstant.distantFuture
                : history.subject.now + .nanoseconds(Int64(random.pick(0...60_000_000)))
            var chance = history.subject.random  // the draw that the admission will use
            let room = history.subject.breaker.probeRoom(
                in: history.subject.state, at: history.subject.now, draw: chance.next())
            guard let lease = history.subject.lease(deadline: deadline) else {
                try require(room == 0, "refused with room for \(room) probes")
                return
            }
            history.out.append((lease, deadline))
        case 4...7 where !history.out.isEmpty:
            let (lease, _) = history.out.remove(at: Int(random.pick(0...UInt64(history.out.count - 1))))
            let before = history.subject.state
            let sample = random.pick(BreakerSample.allCases)
            history.subject.end(lease, sample)
            let isOld = UInt64(lease.generation) != before.generation
            if isOld || (sample == .nothing && !lease.isProbe) {
                try require(history.subject.state == before, "a result of no account changed the state")
            }
        case 8:
            history.subject.advance(.nanoseconds(Int64(random.pick(0...30_000_000))))
        default:
            if !history.out.isEmpty, random.isOne(in: 2) {
                history.subject.advance(.microseconds(Int64(random.pick(0...300))))
            } else if random.isOne(in: 10) {
                history.subject.state = history.subject.breaker.obeying(.close, in: history.subject.state)
            }
        }
    }

    @Test func noLeaseLeaksAndNoProbeIsOneTooMany() {
        forSeeds { random in
            var history = try History(&random)
            for _ in 0..<32 {
                try step(&history, &random)
                let state = history.subject.state
                if state.mode == .halfOpen {
                    try require(
                        UInt64(history.liveProbes) == state.probesOut, "\(state.probesOut) of \(history.liveProbes)")
                }
                let granted = state.probesOut + state.probesGood + state.probesBad
                try require(granted <= UInt64(history.subject.breaker.probes.value), "\(granted) probes")
            }
        }
    }

    @Test func aHalfOpenBreakerHasALiveLeaseOrRoomForOne() {
        forSeeds { random in
            var history = try History(&random)
            for _ in 0..<32 {
                try step(&history, &random)
                let subject = history.subject
                guard subject.mode == .halfOpen else { continue }
                let hasRoom = subject.breaker.probeRoom(in: subject.state, at: subject.now, draw: 7) > 0
                let isLive = history.out.contains {
                    $0.lease.isProbe && UInt64($0.lease.generation) == subject.state.generation
                }
                try require(hasRoom || isLive, "half-open without a way on: \(subject.state)")
            }
        }
    }

    /// However a history ends, all its calls lost: after the longest lease and the longest time of being open a call
    /// passes, and enough good ones close it.
    @Test func silenceAlwaysEnds() {
        forSeeds { random in
            var history = try History(&random)
            for _ in 0..<32 { try step(&history, &random) }
            history.subject.advance(.milliseconds(1_070))
            for _ in 0..<history.subject.breaker.goodProbes.value {
                history.subject.end(try history.subject.passing(), .good)
            }
            try require(history.subject.mode == .closed, "\(history.subject.mode)")
        }
    }

    @Test func itIsOpenForAsLongAsItSays() {
        forSeeds { random in
            var history = try History(&random)
            for _ in 0..<32 {
                let before = history.subject.state
                try step(&history, &random)
                guard history.subject.state.mode == .open, before.generation != history.subject.state.generation,
                    before.mode == .closed
                else { continue }
                guard case .rejected(let retryAt?) = history.subject.admit() else {
                    throw Counterexample(description: "an open breaker admits")
                }
                let wait = retryAt - history.subject.now
                try require(wait >= history.subject.breaker.openMin.value, "open for only \(wait)")
                let most = history.subject.breaker.openMax.value + .nanoseconds(1 << 20)
                try require(wait <= most, "open for \(wait)")
            }
        }
    }

    /// Against a list of all results: it opens with the failure that makes the window bad enough, and with no other
    /// call.
    @Test func itOpensExactlyWhenItsWindowIsBad() {
        forSeeds { random in
            let callsMin = Int(random.pick(1...12)), share = random.pick([0.1, 0.5, 0.9, 1])
            var subject = BreakerSubject(try CircuitBreaker(callsMin: callsMin, failureShare: share))
            var list: [(slot: UInt64, hasFailed: Bool)] = []
            let failing = random.pick(1...9)
            for _ in 0..<40 {
                subject.advance(.milliseconds(Int64(random.pick(0...900))))
                let hasFailed = random.pick(0...9) < failing
                subject.call(hasFailed ? .failed : .good)
                let slot = subject.now.nanoseconds / 1_000_000_000
                list.append((slot, hasFailed))
                if list[0].slot + 10 <= slot { list.removeAll { $0.slot + 10 <= slot } }
                let isBad = Double(list.count { $0.hasFailed }) >= share * Double(list.count)
                let opens = hasFailed && list.count >= callsMin && isBad
                try require((subject.mode == .open) == opens, "\(subject.mode) with \(list)")
                if opens { return }
            }
        }
    }
}
