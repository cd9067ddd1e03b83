import GyreCore
import Testing

@Suite struct MonotonicInstantTests {
    @Test func advancingAndMeasuringAreInverse() {
        let start = MonotonicInstant(nanoseconds: 1_000)
        let end = start.advanced(by: .microseconds(5))
        #expect(end.nanoseconds == 6_000)
        #expect(start.duration(to: end) == .microseconds(5))
        #expect(end.duration(to: start) == .microseconds(-5))
        #expect(end.advanced(by: .microseconds(-5)) == start)
        #expect(end - start == .microseconds(5))
        #expect(start + .nanoseconds(1) > start)
        #expect(end - .microseconds(5) == start)
    }

    @Test func arithmeticStopsAtBothEnds() {
        let late = MonotonicInstant(nanoseconds: .max - 1)
        #expect(late.advanced(by: .nanoseconds(2)) == .distantFuture)
        #expect(late.advanced(by: .seconds(Int64.max)) == .distantFuture)
        #expect(MonotonicInstant.distantFuture.advanced(by: .zero) == .distantFuture)
        let early = MonotonicInstant(nanoseconds: 1)
        #expect(early.advanced(by: .nanoseconds(-2)) == .distantPast)
        #expect(early.advanced(by: .seconds(Int64.min)) == .distantPast)
        #expect(late - Duration(attoseconds: .min) == .distantFuture)
        #expect(early - .seconds(1) == .distantPast)
        #expect(early.advanced(by: Duration(attoseconds: .max)) == .distantFuture)
        #expect(early.advanced(by: Duration(attoseconds: .min)) == .distantPast)
    }

    @Test func theWholeRangeIsMeasuredExactly() {
        let whole = MonotonicInstant.distantPast.duration(to: .distantFuture)
        #expect(whole == .nanoseconds(UInt64.max))
        #expect(MonotonicInstant.distantPast.advanced(by: whole) == .distantFuture)
        #expect(MonotonicInstant.distantFuture.duration(to: .distantPast) == Duration.zero - whole)
    }

    @Test func partsOfANanosecondAreDropped() {
        let start = MonotonicInstant(nanoseconds: 10)
        #expect(start.advanced(by: Duration(attoseconds: 1_999_999_999)).nanoseconds == 11)
        #expect(start.advanced(by: Duration(attoseconds: -1_999_999_999)).nanoseconds == 9)
    }

    @Test func elapsedNanosecondsNeverGoBelowZero() {
        let (early, late) = (MonotonicInstant(nanoseconds: 5), MonotonicInstant(nanoseconds: .max))
        #expect(late.nanoseconds(since: early) == UInt64.max - 5)
        #expect(early.nanoseconds(since: late) == 0)
    }
}
