/// One line of a purchase log.
struct Purchase: Sendable, Equatable {
    /// Position in the replay: by date, then by line.
    var index: UInt32
    var customer: UInt32
    var date: CalendarDate
    var discs: UInt32
    var cents: UInt32
}

/// A day of the Gregorian calendar from 1970 to 2099.
struct CalendarDate: Sendable, Equatable {
    let year: UInt16
    let month: UInt8
    let day: UInt8
    /// Days since 1970-01-01.
    let daysSince1970: UInt32

    /// Nil if the calendar has no such day, or if the year is out of range.
    init?(year: UInt32, month: UInt32, day: UInt32) {
        guard (1970...2099).contains(year), (1...12).contains(month), day >= 1 else { return nil }
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let daysInMonth: UInt32 =
            switch month {
            case 2: isLeapYear ? 29 : 28
            case 4, 6, 9, 11: 30
            default: 31
            }
        guard day <= daysInMonth else { return nil }
        self.year = UInt16(year)
        self.month = UInt8(month)
        self.day = UInt8(day)

        // The year is taken to begin in March, so that the leap day is its last; (153 m + 2) / 5 then counts the days
        // of the months before m. 719,468 days lie between the first of March of year 0 and 1970-01-01.
        let shiftedYear = month > 2 ? year : year - 1
        let shiftedMonth = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * shiftedMonth + 2) / 5 + day - 1
        daysSince1970 =
            shiftedYear * 365 + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400 + dayOfYear - 719_468
    }

    /// Monday is 0.
    var weekday: UInt32 { (daysSince1970 + 3) % 7 }
}
