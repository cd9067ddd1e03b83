import CGyre
import Testing

@testable import GyreCore

/// The counters of CGyre: cells with one writer, and the striped counter of everybody.
@Suite struct CounterTests {
    @Test func aLineHoldsEightCountersThatDoNotMix() throws {
        let lines = try #require(gyre_counter_lines_create(3))
        defer { gyre_counter_lines_destroy(lines) }
        for line in 0..<3 {
            for which: UInt32 in 0..<8 {
                gyre_counter_add(gyre_counter_word(lines, line, which), UInt64(line + 1) * UInt64(which))
            }
        }
        for which: UInt32 in 0..<8 {
            #expect(gyre_counter_sum(lines, 3, which) == 6 * UInt64(which))
        }
        #expect(gyre_counter_read(gyre_counter_word(lines, 2, 7)) == 21)
    }

    @Test func sumsWrapAround() throws {
        let lines = try #require(gyre_counter_lines_create(2))
        defer { gyre_counter_lines_destroy(lines) }
        gyre_counter_add(gyre_counter_word(lines, 0, 0), .max)
        gyre_counter_add(gyre_counter_word(lines, 1, 0), 3)
        #expect(gyre_counter_sum(lines, 2, 0) == 2)
    }

    @Test func linesWithoutEndAreRefused() {
        #expect(gyre_counter_lines_create(Int.max) == nil)
    }

    /// Readers beside the writers never see a sum go backwards, and the last one is complete.
    @Test func cellsAreReadWhileTheirWritersAdd() throws {
        let lines = Shared(try #require(gyre_counter_lines_create(2)))
        defer { gyre_counter_lines_destroy(lines.value) }
        let each: UInt64 = 100_000
        onThreads(4) { thread in
            if thread < 2 {
                for _ in 0..<each { gyre_counter_add(gyre_counter_word(lines.value, thread, 0), 1) }
                return
            }
            var before: UInt64 = 0
            while before < 2 * each {
                let now = gyre_counter_sum(lines.value, 2, 0)
                #expect(now >= before)
                before = now
            }
        }
        #expect(gyre_counter_sum(lines.value, 2, 0) == 2 * each)
    }

    @Test(arguments: [(1, 1), (2, 2), (3, 4), (64, 64), (100_000, 4_096)] as [(UInt32, UInt32)])
    func stripesAreRoundedUpToAPowerOfTwo(asked: UInt32, given: UInt32) throws {
        let counter = try #require(gyre_striped_create(asked))
        defer { gyre_striped_destroy(counter) }
        #expect(gyre_striped_stripes(counter) == given)
    }

    @Test func everyStripeCountsAndHintsBeyondTheLastWrapAround() throws {
        let counter = try #require(gyre_striped_create(4))
        defer { gyre_striped_destroy(counter) }
        for stripe: UInt32 in 0..<8 { gyre_striped_add_at(counter, stripe, 1) }
        gyre_striped_add_at(counter, .max, 1)
        #expect(gyre_striped_read(counter) == 9)
    }

    @Test(arguments: [1, 2, 8]) func moreThreadsThanStripesLoseNothing(stripes: Int) {
        let counter = StripedCounter(stripes: stripes)
        #expect(counter.stripes == stripes)
        let (threads, each) = (9, 100_000)
        onThreads(threads) { thread in
            for step in 0..<each { counter.add(UInt64(step % 3)) }
        }
        #expect(counter.value == UInt64(threads * (0..<each).reduce(0) { $0 + $1 % 3 }))
    }

    @Test func aCounterByDefaultHasAStripeForEachCPU() {
        let counter = StripedCounter()
        #expect(counter.stripes >= 1)
        #expect(counter.stripes & (counter.stripes - 1) == 0)
        counter.add()
        counter.add(.max)
        #expect(counter.value == 0)
    }

    /// With restartable sequences the hint is the CPU's number, so it is below the number of configured CPUs.
    @Test func theStripeIsTheCPUWhereTheKernelTellsIt() {
        guard gyre_rseq_registered() else { return }
        let configured = StripedCounter().stripes
        for _ in 0..<100 { #expect(gyre_stripe_hint() < UInt32(configured)) }
    }
}
