import GyreCore
import Testing

@testable import GyreBench

@Suite struct ConditionTests {
    static let good: [(String, LoadFigure, Condition.Comparison, Condition.Bound)] = [
        ("p99 > 2ms", LoadFigure(.percentile(99)), .above, .nanoseconds(2_000_000)),
        ("  p99.9>=0.5us ", LoadFigure(.percentile(99.9)), .atLeast, .nanoseconds(500)),
        ("service max < 3 s", LoadFigure(.max, isService: true), .below, .nanoseconds(3e9)),
        ("mean <= 1x", LoadFigure(.mean), .atMost, .times(1)),
        ("rate < 1000", LoadFigure(.rate), .below, .plain(1_000)),
        ("rate < 0.9x", LoadFigure(.rate), .below, .times(0.9)),
        ("refused > 0", LoadFigure(.refused), .above, .plain(0)),
        ("p0 > 1ns", LoadFigure(.percentile(0)), .above, .nanoseconds(1)),
    ]

    @Test(arguments: good)
    func whatIsWrittenIsRead(
        text: String, figure: LoadFigure, comparison: Condition.Comparison, bound: Condition.Bound
    ) throws {
        let condition = try Condition(text)
        #expect(condition.figure == figure)
        #expect(condition.comparison == comparison)
        #expect(condition.bound == bound)
        #expect(condition.text == text)
    }

    @Test(arguments: [
        ("", 1, "a figure is expected"), ("p > 1ms", 1, "a figure is expected"),
        ("q99 > 1ms", 1, "a figure is expected"), ("p101 > 1ms", 2, "from 0 to 100"),
        ("p9.9.9 > 1ms", 2, "from 0 to 100"), ("p99. > 1ms", 2, "from 0 to 100"),
        ("p99", 4, "a comparison is expected"), ("p99 = 1ms", 5, "a comparison is expected"),
        ("p99 >> 1ms", 5, "a comparison is expected"), ("p99 > ms", 7, "a number is expected"),
        ("p99 > -1ms", 7, "a number is expected"), ("p99 > 1", 8, "a time needs a unit"),
        ("p99 > 1e3ms", 8, "is no unit of time"), ("p99 > 1 min", 9, "is no unit of time"),
        ("p99 > 12345678901234567ns", 7, "a number is expected"), ("p99 > 1ms or", 11, "nothing may follow"),
        ("rate < 5ms", 9, "has no unit"), ("service rate < 5", 9, "have a service time"),
        ("service", 8, "a figure is expected"), ("p99 > \u{0663}ms", 7, "a number is expected"),
    ])
    func whatMakesNoSenseIsNamedWithItsPlace(text: String, column: Int, reason: String) {
        let error = #expect(throws: ConditionError.self) { try Condition(text) }
        #expect(error?.column == column)
        #expect(error?.reason.contains(reason) == true, "\(error?.reason ?? "")")
    }

    private func result(_ nanoseconds: UInt64...) -> LoadResult {
        var (response, service) = (LatencyHistogram(), LatencyHistogram())
        for value in nanoseconds {
            response.record(nanoseconds: value)
            service.record(nanoseconds: value / 2)
        }
        return LoadResult(
            accepted: UInt64(nanoseconds.count), refused: 3, elapsed: .seconds(2), response: response, service: service)
    }

    @Test(arguments: [
        ("max > 99ns", true), ("max > 100ns", false), ("max >= 100ns", true), ("max < 100ns", false),
        ("max <= 100ns", true), ("service max > 50ns", false), ("service max >= 50ns", true), ("min < 11ns", true),
        ("mean >= 55ns", true), ("refused > 2", true), ("refused > 3", false), ("rate >= 1", true),
        ("rate > 1", false),
    ])
    func aConditionHoldsAsItSays(text: String, holds: Bool) throws {
        #expect(try Condition(text).holds(in: result(10, 100)) == holds)
    }

    @Test func timesAreThoseOfTheComparedRun() throws {
        let condition = try Condition("max > 2x")
        #expect(condition.needsComparison)
        #expect(condition.holds(in: result(100), compared: 49))
        #expect(!condition.holds(in: result(100), compared: 50))
        #expect(try !Condition("max > 2ms").needsComparison)
    }

    @Test func whatWasNeverSeenIsNotWithinItsBound() throws {
        #expect(try Condition("p99 > 1s").holds(in: result()))
        #expect(try Condition("max > 1x").holds(in: result(100), compared: nil))
    }

    @Test func figuresHaveTheNamesThatConditionsHave() throws {
        for figure in Self.good.map(\.1) {
            let unit = figure.isTime ? "ns" : ""
            #expect(try Condition("\(figure.name) > 1\(unit)").figure == figure)
        }
    }
}
