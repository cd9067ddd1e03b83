import GyreCore
import Synchronization
import Testing

@testable import GyreBench

/// Loads whose operations end at once, on the thread of the producer.
@Suite struct LoadRunTests {
    private let clock = MonotonicClock.system()

    private func run(_ pace: Pace, producers: Int = 1) -> LoadRun {
        LoadRun(pace: pace, duration: .milliseconds(50), producers: producers)
    }

    @Test(arguments: [1, 3]) func anOpenLoopOffersWhatWasAskedFor(producers: Int) throws {
        let meter = LoadMeter(clock: clock)
        let result = try run(.open(perSecond: 20_000), producers: producers).measure(meter, isInterrupted: { false }) {
            meter.complete($0)
            return .accepted
        }
        #expect(result.accepted == 1_000)
        #expect(result.refused == 0)
        #expect(result.response.count == 1_000)
        #expect(result.service.count == 1_000)
    }

    /// A stall of the tenth operation is in the response time of all that it held up, and in the service time of one.
    @Test func aStallIsInTheResponseTimeOfWhatItHeldUp() throws {
        let (clock, meter) = (clock, LoadMeter(clock: clock))
        let result = try run(.open(perSecond: 10_000)).measure(meter, isInterrupted: { false }) { stamp in
            let end = clock.now + .milliseconds(stamp.number == 10 ? 20 : 0)
            while clock.now < end {}
            meter.complete(stamp)
            return .accepted
        }
        #expect(result.accepted == 500)
        func above(_ histogram: LatencyHistogram) -> UInt64 {
            var count: UInt64 = 0
            histogram.forEachBucket { span, _, held in if span.lowerBound >= 10_000_000 { count += held } }
            return count
        }
        #expect(above(result.response) >= 90)
        #expect(above(result.service) < above(result.response) / 2)
    }

    @Test func refusalsAreCountedAndNotWaitedFor() throws {
        let meter = LoadMeter(clock: clock)
        let result = try run(.open(perSecond: 2_000)).measure(meter, isInterrupted: { false }) { stamp in
            guard stamp.number % 2 == 0 else { return .refused }
            meter.complete(stamp)
            return .accepted
        }
        #expect(result.accepted == 50)
        #expect(result.refused == 50)
        #expect(result.response.count == 50)
    }

    @Test func aClosedLoopHasNoIntendedStart() throws {
        let meter = LoadMeter(clock: clock)
        let result = try run(.closed).measure(meter, isInterrupted: { false }) { stamp in
            if stamp.intended == stamp.begun { meter.complete(stamp) }
            return .accepted
        }
        #expect(result.accepted > 100)
        #expect(result.response == result.service || result.response.count == result.service.count)
    }

    @Test func anOperationThatDoesNotEndIsALoss() {
        let meter = LoadMeter(clock: clock)
        #expect(throws: LoadRun.Failure.unfinished(began: 100, ended: 99)) {
            try run(.open(perSecond: 2_000)).measure(meter, patience: .milliseconds(1), isInterrupted: { false }) {
                if $0.number != 17 { meter.complete($0) }
                return .accepted
            }
        }
    }

    @Test func oneThatEndsTwiceDoesNotMakeUpForALostOne() {
        let meter = LoadMeter(clock: clock)
        #expect(throws: LoadRun.Failure.changed) {
            try run(.open(perSecond: 2_000)).measure(meter, patience: .milliseconds(1), isInterrupted: { false }) {
                if $0.number != 17 { meter.complete($0) }
                if $0.number == 18 { meter.complete($0) }
                return .accepted
            }
        }
    }

    @Test func anInterruptedRunHasTheFiguresOfItsPart() throws {
        let meter = LoadMeter(clock: clock)
        let asked = Atomic(0)
        let result = try LoadRun(pace: .open(perSecond: 10_000), duration: .seconds(600), producers: 1).measure(
            meter, isInterrupted: { asked.add(1, ordering: .relaxed).newValue > 2 }
        ) {
            meter.complete($0)
            return .accepted
        }
        #expect(result.accepted == 128)
    }
}
