/// When something is due, in the five fields of cron: minute, hour, day of the month, month, day of the week.
///
///     */15 9-17 * * MON-FRI      every quarter of an hour in office hours
///     30 2 1,15 * *              at half past two on the first and the fifteenth
///     @daily                     at midnight
///
/// A field is `*`, a value, a range `a-b`, a step `*/n` or `a-b/n`, or a list of these with commas; months and weekdays
/// may be the first three letters of their English names, and 0 and 7 are both Sunday. Where day of the month and day
/// of the week are both restricted, either will do, as in Vixie cron.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
    /// As it was written.
    public let text: String
    /// A bit for each value.
    let minutes: UInt64
    let hours: UInt64
    let days: UInt64
    let months: UInt64
    let weekdays: UInt64
    private let daysAreRestricted: Bool
    private let weekdaysAreRestricted: Bool
    /// Whether every hour is meant (`*`): then it follows time itself, else the clock on the wall.
    let followsTime: Bool

    /// - Throws: ``CronError`` that points at what cannot be read and says what could be written there.
    public init(_ text: String) throws(CronError) {
        self.text = text
        var parser = CronParser(text)
        let fields = try parser.fields()
        minutes = try fields[0].bits(.minute)
        hours = try fields[1].bits(.hour)
        days = try fields[2].bits(.day)
        months = try fields[3].bits(.month)
        let written = try fields[4].bits(.weekday)
        weekdays = (written | written >> 7) & 0x7F  // 7 is 0
        daysAreRestricted = !fields[2].beginsWithStar
        weekdaysAreRestricted = !fields[4].beginsWithStar
        followsTime = fields[1].beginsWithStar
        guard next(after: CivilMinute(year: 2_000, month: 1, day: 1)) != nil else {
            throw CronError(
                column: fields[2].column, field: "day of the month",
                reason: "no month of these has such a day, so this would never be due; choose another day or month")
        }
    }

    public var description: String { text }

    // MARK: - On the wall

    private func matches(dayOf civil: CivilMinute) -> Bool {
        let inMonth = days & 1 << UInt64(civil.date.day) != 0
        let inWeek = weekdays & 1 << UInt64(civil.weekday) != 0
        return daysAreRestricted && weekdaysAreRestricted ? inMonth || inWeek : inMonth && inWeek
    }

    /// The first minute after `civil` that is due, on a wall whose clock is never put forward or back.
    ///
    /// - Returns: `nil` when there is none within 41 years: then there is none at all. What is rarest is 29 February on
    ///   one day of the week (`29 FEB */2` wants both), which comes again after 40 years at most, across 2100.
    /// - Complexity: O(days until then); months that do not match are skipped.
    public func next(after civil: CivilMinute) -> CivilMinute? {
        var candidate = CivilMinute(count: civil.count + 1)
        let limit = candidate.count + 41 * 366 * 1_440
        while candidate.count < limit {
            let date = candidate.date
            guard months & 1 << UInt64(date.month) != 0 else {
                let (year, month) = date.month == 12 ? (date.year + 1, 1) : (date.year, date.month + 1)
                candidate = CivilMinute(year: Int64(year), month: Int64(month), day: 1)
                continue
            }
            if matches(dayOf: candidate), let found = next(onDayOf: candidate) { return found }
            candidate = CivilMinute(count: (candidate.day + 1) * 1_440)
        }
        return nil
    }

    /// The first minute from `civil` on, on the same day.
    private func next(onDayOf civil: CivilMinute) -> CivilMinute? {
        let midnight = civil.day * 1_440
        for hour in civil.hour..<24 where hours & 1 << UInt64(hour) != 0 {
            let first = hour == civil.hour ? civil.minute : 0
            let left = (minutes >> UInt64(first)) << UInt64(first)
            if left != 0 { return CivilMinute(count: midnight + Int64(hour * 60 + left.trailingZeroBitCount)) }
        }
        return nil
    }

    // MARK: - In a zone

    /// The first instant after `instant` at which it is due, in seconds since 1970-01-01 00:00 UTC.
    ///
    /// Where a zone's clocks are put forward or back:
    ///
    /// - Hours that are named are hours of the wall. What falls into the gap is due when the clocks are put forward,
    ///   once; what comes twice is due the first time.
    /// - Where every hour is meant (`*`), it follows time: nothing is due in the gap, and both passes of the hour that
    ///   comes twice count.
    ///
    /// These are the rules of Vixie cron (`cron(8)`), without its limit of three hours.
    public func next(after instant: Int64, in zone: ZoneRules) -> Int64? {
        followsTime ? nextInTime(after: instant, zone) : nextOnWall(after: instant, zone)
    }

    private func nextOnWall(after instant: Int64, _ zone: ZoneRules) -> Int64? {
        var civil = zone.civil(at: instant)
        while let next = next(after: civil) {
            // In a gap: when the clocks are put forward.
            let (before, after) = (next.count * 60 - 86_400, next.count * 60 + 86_400)
            let due = zone.instants(of: next).first ?? zone.change(after: before, until: after)
            if due > instant { return due }
            civil = next
        }
        return nil
    }

    private func nextInTime(after instant: Int64, _ zone: ZoneRules) -> Int64? {
        var civil = zone.civil(at: instant)
        while let next = next(after: civil) {
            guard let due = zone.instants(of: next).first(where: { $0 > instant }) else {
                civil = next  // in the gap, or past
                continue
            }
            return earlier(after: instant, than: due, zone) ?? due
        }
        return nil
    }

    /// What is due before `due` because clocks are put back before it.
    private func earlier(after instant: Int64, than due: Int64, _ zone: ZoneRules) -> Int64? {
        guard zone.secondsAhead(at: due) < zone.secondsAhead(at: instant) else { return nil }
        let change = zone.change(after: instant, until: due)
        guard let next = next(after: CivilMinute(count: zone.civil(at: change).count - 1)) else { return nil }
        return zone.instants(of: next).first { $0 >= change && $0 < due }
    }
}

/// Why an expression cannot be read, and what to do.
public struct CronError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Where in the text, counted in characters from 1.
    public let column: Int
    /// The field at fault, in words.
    public let field: String
    /// What is wrong with it, and what could be written.
    public let reason: String

    public var description: String { "column \(column), \(field): \(reason)" }
}
