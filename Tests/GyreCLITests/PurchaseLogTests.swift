import Foundation
import Testing

@testable import GyreCLI

@Suite struct PurchaseLogTests {
    private func log(_ text: String, lineLimit: Int = 1 << 31) throws(PurchaseLogError) -> PurchaseLog {
        try PurchaseLog(bytes: Array(text.utf8), name: "log", lineLimit: lineLimit)
    }

    @Test func bothLayoutsGiveTheSamePurchases() throws {
        let sample = try log(" 00004 0001 19970101  2   29.33\r\n 00021 0002 19970113  1   11.77\r\n")
        let master = try log(
            " customer_id  date number_of_cds  dollar_value\r\n 00004 19970101  2   29.33\r\n"
                + " 00021 19970113  1   11.77\r\n")
        #expect(sample.layout == .sample)
        #expect(master.layout == .master)
        #expect(sample.purchases == master.purchases)
        let date = try #require(CalendarDate(year: 1997, month: 1, day: 13))
        #expect(master.purchases[1] == Purchase(index: 1, customer: 21, date: date, discs: 1, cents: 1_177))
    }

    @Test(arguments: [
        "1 1 19970101 2 29.33", "1 1 19970101 2 29.33\n", "  1  1  19970101  2  29.33  \r\n",
    ]) func endsOfLinesMayDiffer(text: String) throws {
        #expect(try log(text).purchases.map(\.cents) == [2_933])
    }

    @Test func theReplayIsByDateAndTiesKeepTheOrderOfTheFile() throws {
        let lines = [("3", "19970105"), ("1", "19970101"), ("2", "19970105"), ("9", "19961231"), ("1", "19970105")]
        let log = try log(lines.map { "\($0.0) 1 \($0.1) 1 1.00\n" }.joined())
        #expect(log.purchases.map(\.customer) == [9, 1, 3, 2, 1])
        #expect(log.purchases.map(\.index) == [0, 1, 2, 3, 4])
    }

    private static let header = " customer_id  date number_of_cds  dollar_value\r\n"
    private static let good = " 00004 0001 19970101  2   29.33\r\n"

    @Test(arguments: [
        ("", 1, "the file is empty"),
        (header, 2, "the log holds no purchase"),
        (good + "\r\n" + good, 2, "0 columns where 5 are expected"),
        (good + " \n", 2, "0 columns where 5 are expected"),
        (good + "4 1 19970101 2", 2, "4 columns where 5 are expected"),
        (good + "4 1 19970101 2 1.00 6\n", 2, "6 columns where 5 are expected"),
        (header + good, 2, "5 columns where 4 are expected"),
        (good + header, 2, "4 columns where 5 are expected"),
        (
            "4 19970101 2 1.00\n", 1,
            "4 columns where 5 are expected (a log of 4 columns begins with the line "
                + "'customer_id date number_of_cds dollar_value')"
        ),
        ("x 1 19970101 2 1.00\n", 1, "the customer is 'x', which is not a number of 1 to 9 digits"),
        ("-4 1 19970101 2 1.00\n", 1, "the customer is '-4', which is not a number of 1 to 9 digits"),
        (
            "4 1234567890 19970101 2 1.00\n", 1,
            "the number within the sample is '1234567890', which is not a number of 1 to 9 digits"
        ),
        ("4 1 19970101 2.0 1.00\n", 1, "the number of CDs is '2.0', which is not a number of 1 to 4 digits"),
        ("4 1 19970101 10000 1.00\n", 1, "the number of CDs is '10000', which is not a number of 1 to 4 digits"),
        ("4 1 19970101 0 1.00\n", 1, "the number of CDs is 0"),
        ("4 1 1997-1-1 2 1.00\n", 1, "the date is '1997-1-1', which is not of the form YYYYMMDD"),
        ("4 1 970101 2 1.00\n", 1, "the date is '970101', which is not of the form YYYYMMDD"),
        ("4 1 19970229 2 1.00\n", 1, "the date is '19970229', which is not a day from 1970 to 2099"),
        ("4 1 19971301 2 1.00\n", 1, "the date is '19971301', which is not a day from 1970 to 2099"),
        ("4 1 19970100 2 1.00\n", 1, "the date is '19970100', which is not a day from 1970 to 2099"),
        ("4 1 21000101 2 1.00\n", 1, "the date is '21000101', which is not a day from 1970 to 2099"),
        ("4 1 19691231 2 1.00\n", 1, "the date is '19691231', which is not a day from 1970 to 2099"),
        ("4 1 19970101 2 1.0\n", 1, "the dollars are '1.0', which is not 1 to 7 digits, a point and 2 digits"),
        ("4 1 19970101 2 1.000\n", 1, "the dollars are '1.000', which is not 1 to 7 digits, a point and 2 digits"),
        ("4 1 19970101 2 1\n", 1, "the dollars are '1', which is not 1 to 7 digits, a point and 2 digits"),
        ("4 1 19970101 2 .50\n", 1, "the dollars are '.50', which is not 1 to 7 digits, a point and 2 digits"),
        ("4 1 19970101 2 -1.00\n", 1, "the dollars are '-1.00', which is not 1 to 7 digits, a point and 2 digits"),
        (
            "4 1 19970101 2 12345678.00\n", 1,
            "the dollars are '12345678.00', which is not 1 to 7 digits, a point and 2 digits"
        ),
        (good + "4 1 1997\r0101 2 1.00\n", 2, "byte 0x0D at position 9: the log is plain ASCII text"),
        (good + "4\t1 19970101 2 1.00\n", 2, "byte 0x09 at position 2: the log is plain ASCII text"),
        (good + "\0\0\0", 2, "byte 0x00 at position 1: the log is plain ASCII text"),
        (good + "4 1 19970101 2 1.00€\n", 2, "byte 0xE2 at position 20: the log is plain ASCII text"),
        ("\u{FEFF}" + good, 1, "byte 0xEF at position 1: the log is plain ASCII, without a byte order mark"),
        (good + String(repeating: " ", count: 257), 2, "the line is longer than 256 bytes"),
        (String(repeating: "4", count: 300), 1, "the line is longer than 256 bytes"),
    ]) func whatIsNoLogIsRefusedWithItsLine(text: String, line: Int, reason: String) {
        #expect(throws: PurchaseLogError(file: "log", line: line, reason: reason)) { try log(text) }
    }

    @Test func bytesThatAreNoUTF8AreRefused() {
        #expect(
            throws: PurchaseLogError(
                file: "log", line: 1,
                reason: "byte 0xFF at position 1: the log is plain ASCII, without a byte order mark")
        ) {
            try PurchaseLog(bytes: [0xFF, 0xFE, 0x20, 0x00], name: "log")
        }
    }

    @Test func aLineOf256BytesIsRead() throws {
        let line = "4 1 19970101 2 1.00"
        let padded = String(repeating: " ", count: 256 - line.utf8.count) + line
        #expect(try log(padded + "\r\n").purchases.count == 1)
        #expect(throws: PurchaseLogError.self) { try log(" " + padded + "\r\n") }
    }

    @Test func aLogWithTooManyLinesIsRefused() throws {
        let three = String(repeating: Self.good, count: 3)
        #expect(try log(three, lineLimit: 3).purchases.count == 3)
        #expect(throws: PurchaseLogError(file: "log", line: 3, reason: "more than 2 lines")) {
            try log(three, lineLimit: 2)
        }
    }

    @Test func filesThatCannotBeReadSayWhy() {
        let missing = "/nonexistent/log.txt"
        #expect(throws: PurchaseLogError(file: missing, line: nil, reason: "No such file or directory")) {
            try PurchaseLog(path: missing)
        }
        #expect(throws: PurchaseLogError(file: "/", line: nil, reason: "Is a directory")) {
            try PurchaseLog(path: "/")
        }
        #expect(PurchaseLogError(file: "a", line: 7, reason: "b").description == "a:7: b")
        #expect(PurchaseLogError(file: "a", line: nil, reason: "b").description == "a: b")
    }

    /// Foundation's calendar is the independent witness.
    @Test func daysAreCountedAsTheCalendarDoes() throws {
        var utc = Calendar(identifier: .gregorian)
        utc.timeZone = try #require(TimeZone(secondsFromGMT: 0))
        var expected: UInt32 = 0
        for year in UInt32(1970)...2099 {
            for month in UInt32(1)...12 {
                let first = try #require(
                    utc.date(from: DateComponents(year: Int(year), month: Int(month), day: 1)))
                let length = try #require(utc.range(of: .day, in: .month, for: first)?.count)
                for day in 1...UInt32(length) {
                    #expect(CalendarDate(year: year, month: month, day: day)?.daysSince1970 == expected)
                    expected += 1
                }
                #expect(CalendarDate(year: year, month: month, day: UInt32(length) + 1) == nil)
            }
        }
        #expect(CalendarDate(year: 1997, month: 1, day: 6)?.weekday == 0)
    }
}
