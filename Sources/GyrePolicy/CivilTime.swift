/// A minute of the calendar and the clock on the wall, of no zone in particular.
///
/// The calendar is the proleptic Gregorian one; its arithmetic is that of Howard Hinnant, "chrono-compatible low-level
/// date algorithms" (howardhinnant.github.io/date_algorithms.html).
public struct CivilMinute: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Minutes since 1970-01-01 00:00 on this wall.
    public let count: Int64

    public init(count: Int64) { self.count = count }

    /// - Precondition: `month` is 1 to 12. Days, hours and minutes beyond their range carry over.
    public init(year: Int64, month: Int64, day: Int64, hour: Int64 = 0, minute: Int64 = 0) {
        precondition((1...12).contains(month), "there is no month \(month)")
        count = (Self.days(year, month, day) * 24 + hour) * 60 + minute
    }

    public var minute: Int { Int(Self.modulo(count, 60)) }
    public var hour: Int { Int(Self.modulo(Self.divide(count, 60), 24)) }
    /// Days since 1970-01-01.
    var day: Int64 { Self.divide(count, 24 * 60) }
    /// 0 is Sunday.
    public var weekday: Int { Int(Self.modulo(day + 4, 7)) }

    public static func < (left: CivilMinute, right: CivilMinute) -> Bool { left.count < right.count }

    public var description: String {
        let date = date
        func padded(_ number: Int, _ width: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(date.year, 4))-\(padded(date.month))-\(padded(date.day)) \(padded(hour)):\(padded(minute))"
    }

    /// Year, month from 1, and day from 1.
    public var date: (year: Int, month: Int, day: Int) {
        let shifted = day + 719_468
        let era = Self.divide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(dayOfYear - (153 * shiftedMonth + 2) / 5 + 1))
    }

    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = divide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    static func divide(_ value: Int64, _ by: Int64) -> Int64 {
        value >= 0 ? value / by : -((by - 1 - value) / by)
    }

    private static func modulo(_ value: Int64, _ by: Int64) -> Int64 { value - divide(value, by) * by }
}

/// How far the clock on the wall of a zone is ahead of UTC at any instant.
public struct ZoneRules: Sendable {
    public let name: String
    private let offset: @Sendable (Int64) -> Int64

    /// - Parameter offset: Seconds ahead of UTC at an instant, given in seconds since 1970-01-01 00:00 UTC. At most a
    ///   day, and it must return the same for the same. Between two changes of it lie more than two days.
    public init(name: String, secondsAheadOfUTC offset: @escaping @Sendable (Int64) -> Int64) {
        self.name = name
        self.offset = offset
    }

    public static let utc = ZoneRules(name: "UTC") { _ in 0 }

    func secondsAhead(at instant: Int64) -> Int64 { offset(instant) }

    /// What the wall shows, its seconds dropped.
    public func civil(at instant: Int64) -> CivilMinute {
        CivilMinute(count: CivilMinute.divide(instant + offset(instant), 60))
    }

    /// The instants at which the wall begins to show a minute: one; two, where clocks are put back; none, where they
    /// are put forward.
    func instants(of civil: CivilMinute) -> [Int64] {
        let wall = civil.count * 60
        let offsets = [offset(wall - 86_400), offset(wall + 86_400)]
        var found: [Int64] = []
        for offset in offsets where self.offset(wall - offset) == offset && found.last != wall - offset {
            found.append(wall - offset)
        }
        return found.sorted()
    }

    /// The first instant after `start`, and not after `end`, from which on the offset is not that of `start`.
    ///
    /// - Precondition: There is one.
    func change(after start: Int64, until end: Int64) -> Int64 {
        let before = offset(start)
        var (low, high) = (start, end)
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if offset(middle) == before { low = middle } else { high = middle }
        }
        return high
    }
}
