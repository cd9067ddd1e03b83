import GyreCore
import GyrePolicy
import Testing

@Suite struct CronTests {
    /// 2026-03-29 01:00 UTC: a zone two hours ahead from then on, one before; and back at 2026-10-25 01:00 UTC.
    private static let (forward, back): (Int64, Int64) = (1_774_746_000, 1_792_890_000)
    private static let berlin = ZoneRules(name: "like Berlin") { instant in
        (forward..<back).contains(instant) ? 7_200 : 3_600
    }

    private func dues(_ text: String, _ zone: ZoneRules, from start: Int64, count: Int) throws -> [Int64] {
        let expression = try CronExpression(text)
        return try (0..<count).reduce(into: [start]) { dues, _ in
            dues.append(try #require(expression.next(after: dues[dues.count - 1], in: zone)))
        }.dropFirst().map { $0 - start }
    }

    @Test(arguments: [
        ("*/15 9-17 * * MON-FRI", "2026-01-02 17:45", "2026-01-05 09:00"),
        ("30 2 1,15 * *", "2026-01-01 02:30", "2026-01-15 02:30"),
        ("0 0 29 2 *", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00"),
        ("0 0 29 FEB */2", "2032-03-01 00:00", "2048-02-29 00:00"),
        ("0 0 29 FEB */7", "2088-03-01 00:00", "2128-02-29 00:00"),
        ("0 12 13 * FRI", "2026-01-01 00:00", "2026-01-02 12:00"),
        ("0 12 */2 * FRI", "2026-01-01 13:00", "2026-01-09 12:00"),
        ("5-20/5 * * * *", "2026-01-01 00:20", "2026-01-01 01:05"),
        ("0 0 * jan,DEC 7", "2026-02-01 00:00", "2026-12-06 00:00"),
        ("@yearly", "2026-01-01 00:00", "2027-01-01 00:00"),
        ("@Weekly", "2026-01-01 00:00", "2026-01-04 00:00"),
    ]) func theNextMinuteIsTheOneOnTheCalendar(_ text: String, _ after: String, _ next: String) throws {
        let start = try #require(Self.civil(after))
        #expect(try CronExpression(text).next(after: start)?.description == next)
    }

    private static func civil(_ text: String) -> CivilMinute? {
        let parts = text.split { !$0.isNumber }.compactMap { Int64($0) }
        guard parts.count == 5 else { return nil }
        let civil = CivilMinute(year: parts[0], month: parts[1], day: parts[2], hour: parts[3], minute: parts[4])
        return civil.description == text ? civil : nil
    }

    // MARK: - Where clocks are put forward and back

    @Test func whatFallsIntoTheGapIsDueAtItsEndOnce() throws {
        let evening = Self.forward - 7_200  // Saturday 23:00 UTC, midnight in Berlin
        #expect(try dues("30 2 * * *", Self.berlin, from: evening, count: 2) == [7_200, 7_200 + 23 * 3_600 + 1_800])
        let thrice = try dues("0,20,40 2 * * *", Self.berlin, from: evening, count: 2)
        #expect(thrice == [7_200, 7_200 + 23 * 3_600])
        #expect(try dues("0 3 * * *", Self.berlin, from: evening, count: 1) == [7_200], "three o'clock exists")
    }

    @Test func whatComesTwiceIsDueTheFirstTime() throws {
        let evening = Self.back - 3 * 3_600  // midnight in Berlin
        #expect(try dues("30 2 * * *", Self.berlin, from: evening, count: 2) == [9_000, 9_000 + 25 * 3_600])
    }

    @Test func whereEveryHourIsMeantItFollowsTime() throws {
        let spring = try dues("*/30 * * * *", Self.berlin, from: Self.forward - 3_600, count: 6)
        #expect(spring == (1...6).map { $0 * 1_800 }, "no pause in the gap, and nothing doubled")
        let autumn = try dues("*/30 * * * *", Self.berlin, from: Self.back - 5_400, count: 9)
        #expect(autumn == (1...9).map { $0 * 1_800 }, "both passes of the hour")
        let quarter = try dues("15 * * * *", Self.berlin, from: Self.back - 3_600, count: 3)
        #expect(quarter == [900, 4_500, 8_100])
    }

    // MARK: - For every seed

    /// Against a reader of its own that looks at each minute.
    @Test func theNextMinuteIsTheFirstThatMatches() {
        forSeeds { random in
            let (text, matches) = Self.makeExpression(&random)
            let start = CivilMinute(count: Int64(random.pick(0...60_000_000)))
            let expression = try CronExpression(text)
            let next = expression.next(after: start)
            let day = (1...1_440 as ClosedRange<Int64>).lazy.map { CivilMinute(count: start.count + $0) }
            if let first = day.first(where: matches) {
                try require(next == first, "\(text) after \(start): \(next.debugText), not \(first)")
            }
            if let next { try require(matches(next) && next > start, "\(text) after \(start): \(next)") }
        }
    }

    /// In a zone whose clocks change: later than asked, and of the days that the wall shows.
    @Test func dueInstantsRiseAndLieOnTheWall() {
        forSeeds { random in
            let (text, matches) = Self.makeExpression(&random)
            let expression = try CronExpression(text)
            let change = random.isOne(in: 2) ? Self.forward : Self.back
            var instant = change - 4 * 3_600 + Int64(random.pick(0...28_800))
            for _ in 0..<20 {
                guard let due = expression.next(after: instant, in: Self.berlin) else { return }
                if due > change + 20 * 86_400 { return }
                try require(due > instant && due.isMultiple(of: 60), "\(text) after \(instant): \(due)")
                let isOnWall = matches(Self.berlin.civil(at: due))
                try require(isOnWall || due == Self.forward, "\(text) is not due at \(due)")
                instant = due
            }
        }
    }

    /// Some expression, and what it means.
    private static func makeExpression(
        _ random: inout SeededRandom
    ) -> (String, @Sendable (CivilMinute) -> Bool) {
        var texts: [String] = []
        var sets: [Set<Int>] = []
        for range in [0...59, 0...23, 1...31, 1...12, 0...6] as [ClosedRange<UInt64>] {
            switch random.pick(0...3) {
            case 0:
                texts.append("*")
                sets.append(Set(range.map(Int.init)))
            case 1:
                // Days that every month has, so that it is due some day.
                let values = (0...random.pick(0...2)).map { _ in min(28, Int(random.pick(range))) }
                texts.append(values.map(String.init).joined(separator: ","))
                sets.append(Set(values))
            case 2:
                let step = Int(random.pick(1...range.upperBound))
                texts.append("*/\(step)")
                sets.append(Set(stride(from: Int(range.lowerBound), through: Int(range.upperBound), by: step)))
            default:
                let ends = [min(28, random.pick(range)), random.pick(range)].sorted()
                texts.append("\(ends[0])-\(ends[1])")
                sets.append(Set(Int(ends[0])...Int(ends[1])))
            }
        }
        let isEither = texts[2].first != "*" && texts[4].first != "*"
        let masks = sets.map { set in set.reduce(into: UInt64(0)) { $0 |= 1 << UInt64($1) } }
        let (minutes, hours, days, months, weekdays) = (masks[0], masks[1], masks[2], masks[3], masks[4])
        return (
            texts.joined(separator: " "),
            { civil in
                // What is cheap to know first: most minutes are asked about no further.
                guard minutes >> civil.minute & 1 == 1, hours >> civil.hour & 1 == 1 else { return false }
                let date = civil.date
                let (inMonth, inWeek) = (days >> date.day & 1 == 1, weekdays >> civil.weekday & 1 == 1)
                return months >> date.month & 1 == 1 && (isEither ? inMonth || inWeek : inMonth && inWeek)
            }
        )
    }

    // MARK: - What cannot be read

    @Test(arguments: [
        ("", 1, "expression", "five"), ("* * * *", 1, "expression", "five"), ("* * * * * *", 1, "expression", "five"),
        ("60 * * * *", 1, "minute", "0 to 59"), ("* 24 * * *", 3, "hour", "0 to 23"),
        ("* * 0 * *", 5, "day of the month", "1 to 31"), ("* * * FOO *", 7, "month", "JAN to DEC"),
        ("* * * * 8", 9, "day of the week", "0 to 7"), ("1,,2 * * * *", 3, "minute", "missing"),
        ("*/0 * * * *", 3, "minute", "1 to 59"), ("5/10 * * * *", 1, "minute", "5-59/"),
        ("9-5 * * * *", 1, "minute", "two"), ("* * L * *", 5, "day of the month", "not understood"),
        ("-1 * * * *", 1, "minute", "number from 0"), ("0 0 30 2 *", 5, "day of the month", "never be due"),
        ("@often", 1, "expression", "@daily"), ("00001 * * * *", 1, "minute", "number"),
    ]) func anErrorPointsAndSaysWhatToDo(_ text: String, _ column: Int, _ field: String, _ hint: String) {
        do {
            let expression = try CronExpression(text)
            Issue.record("\(expression) was read")
        } catch {
            #expect((error.column, error.field) == (column, field), "\(error)")
            #expect(error.reason.contains(hint), "\(error)")
        }
    }

    // MARK: - Misfires

    @Test func aLongPauseOfAShortIntervalIsCountedAndBounded() {
        var plan = SchedulePlan(.every(.milliseconds(1)), misfire: .runAll, startingAt: 0)
        let runs = plan.runs(at: 3_600_000_000_000)
        #expect(runs.count == 1_000 && runs.last == 3_600_000_000_000 && plan.missed == 3_599_000)
        #expect(plan.runs(at: 3_600_000_000_000).isEmpty)
        #expect(plan.next == 3_600_001_000_000)
    }
}

extension CivilMinute? {
    fileprivate var debugText: String { map(\.description) ?? "never" }
}
