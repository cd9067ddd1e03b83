import CGyre
import Testing

@Suite struct ThreadNumberTests {
    @Test(arguments: [1, 2, 63, 64]) func theLowestFreeNumberIsTheNext(count: UInt32) {
        var taken = gyre_atomic_u64()
        for number in 0..<count { #expect(gyre_thread_claim(&taken, count) == number) }
        for _ in 0..<2 { #expect(gyre_thread_claim(&taken, count) == GYRE_THREAD_NONE) }
        gyre_thread_return(&taken, count / 2)
        #expect(gyre_thread_claim(&taken, count) == count / 2)
        #expect(gyre_thread_claim(&taken, count) == GYRE_THREAD_NONE)
    }

    /// More threads than numbers: no two alike, those without one stay without, and all come back when threads end.
    @Test func noTwoThreadsHaveTheSameNumber() {
        let threads = 80
        for _ in 0..<3 {
            let numbers = Plain(count: threads)
            let asked = StartLine(threads)
            let wrong = Tally()
            onThreads(threads) { me in
                let mine = gyre_thread_number()
                numbers[me] = UInt64(mine)
                asked.wait()
                if gyre_thread_number() != mine { wrong.add() }
            }
            let all = (0..<threads).map { numbers[$0] }
            let own = all.filter { $0 < UInt64(GYRE_THREAD_NUMBERS) }
            #expect(Set(own).count == own.count)
            #expect(own.count > 32, "few other threads of this program have one")
            #expect(all.count { $0 == UInt64(GYRE_THREAD_NONE) } == threads - own.count)
            #expect(wrong.count == 0)
        }
    }
}
