import CGyre
import Synchronization
import Testing

@Suite struct CountdownTests {
    @Test func onlyTheLastArrivalIsToldSo() {
        let countdown = Countdown(3)
        #expect(!gyre_countdown_arrive(countdown.pointer))
        #expect(!gyre_countdown_arrive(countdown.pointer))
        #expect(gyre_countdown_pending(countdown.pointer) == 1)
        #expect(gyre_countdown_arrive(countdown.pointer))
        #expect(gyre_countdown_pending(countdown.pointer) == 0)
    }

    @Test func aParentMayBringInMore() {
        let countdown = Countdown(1)
        gyre_countdown_add(countdown.pointer, 2)
        #expect(!gyre_countdown_arrive(countdown.pointer))
        #expect(!gyre_countdown_arrive(countdown.pointer))
        #expect(gyre_countdown_arrive(countdown.pointer))
    }

    @Test func theLargestCountIsExact() {
        let countdown = Countdown(UInt32.max)
        #expect(!gyre_countdown_arrive(countdown.pointer))
        #expect(gyre_countdown_pending(countdown.pointer) == UInt32.max - 1)
    }

    /// Every parent writes a plain word of its own before it arrives; the last one adds them up without any lock. A
    /// missing edge is a race that ThreadSanitizer reports, a wrong count a sum that is off.
    @Test func theLastParentSeesWhatAllDid() {
        let parents = 6
        let rounds = 300
        let countdown = Countdown(UInt32(parents))
        let parts = Plain(count: parents)
        let lasts = Atomic(0)
        let nextRound = StartLine(parents)
        onThreads(parents) { me in
            for round in 0..<rounds {
                parts[me] = UInt64(round + me)
                if gyre_countdown_arrive(countdown.pointer) {
                    let sum = (0..<parents).reduce(0) { $0 + parts[$1] }
                    if sum == UInt64(parents * round + parents * (parents - 1) / 2) {
                        lasts.wrappingAdd(1, ordering: .relaxed)
                    }
                    gyre_countdown_open(countdown.pointer, UInt32(parents))
                }
                nextRound.wait()
            }
        }
        #expect(lasts.load(ordering: .relaxed) == rounds)
    }

    /// Each parent of the first generation brings in two more, on whose behalf it arrives as well.
    @Test func nobodyStartsBeforeThoseWhoWereAdded() {
        let parents = 4
        for _ in 0..<100 {
            let countdown = Countdown(UInt32(parents))
            let arrivals = Atomic(0)
            let early = Atomic(0)
            let lasts = Atomic(0)
            onThreads(parents) { _ in
                gyre_countdown_add(countdown.pointer, 2)
                for _ in 0..<3 {
                    arrivals.wrappingAdd(1, ordering: .relaxed)
                    if gyre_countdown_arrive(countdown.pointer) {
                        lasts.wrappingAdd(1, ordering: .relaxed)
                        if arrivals.load(ordering: .relaxed) != 3 * parents {
                            early.wrappingAdd(1, ordering: .relaxed)
                        }
                    }
                }
            }
            #expect(lasts.load(ordering: .relaxed) == 1)
            #expect(early.load(ordering: .relaxed) == 0)
        }
    }
}

private final class Countdown: @unchecked Sendable {  // the count is an atomic of CGyre
    let pointer = UnsafeMutablePointer<gyre_countdown>.allocate(capacity: 1)

    init(_ parents: UInt32) {
        pointer.initialize(to: gyre_countdown())
        gyre_countdown_open(pointer, parents)
    }

    deinit { pointer.deallocate() }
}
