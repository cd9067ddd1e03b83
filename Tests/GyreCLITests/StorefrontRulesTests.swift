import Foundation
import GyrePolicy
import Testing

@testable import GyreCLI

/// The folder of the workload, found from this file.
let workload = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Benchmarks/Workloads/storefront"
).standardized

/// The rules one after the other, without the engine.
func decisionsInTurn(_ log: PurchaseLog) -> [UInt8] {
    var histories: [UInt32: CustomerHistory] = [:]
    var bytes: [UInt8] = []
    for purchase in log.purchases {
        let behaviour = purchase.behaviour(&histories[purchase.customer, default: CustomerHistory()])
        let prices = Catalogue.standard.prices(
            for: behaviour.tier, Catalogue.standard.stock(on: purchase.date))
        let line = purchase.notify(purchase.decide(behaviour, prices, .standard), .standard)
        for index in 0..<line.count { bytes.append(line.bytes[index]) }
    }
    return bytes
}

/// Nil when the bytes are equal; else the first line that is not, so that a failure can be read.
func firstDifference(_ bytes: some Sequence<UInt8>, _ expected: String) -> String? {
    let bytes = Array(bytes)
    guard bytes != Array(expected.utf8) else { return nil }
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let expectedLines = Array(expected.utf8).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (number, pair) in zip(lines, expectedLines).enumerated() where pair.0 != pair.1 {
        return "line \(number + 1): \(String(decoding: pair.0, as: UTF8.self)), expected "
            + String(decoding: pair.1, as: UTF8.self)
    }
    return "\(lines.count) lines, expected \(expectedLines.count)"
}

@Suite struct StorefrontRulesTests {
    let reference: StorefrontReference

    init() throws {
        reference = try StorefrontReference(page: workload.appending(path: "README.md"))
    }

    @Test func thePageListsTheCatalogue() {
        #expect(reference.titles.count == Catalogue.titleCount)
        for (index, title) in reference.titles.enumerated() {
            #expect("\(Catalogue.standard.codes[index])" == title.code)
            #expect("\(Catalogue.standard.names[index])" == title.name)
        }
    }

    @Test func theSampleDecidesAsTheReferenceDoes() throws {
        let file = workload.appending(path: "CDNOW_sample.txt")
        let expected = try reference.decisions(log: String(contentsOf: file, encoding: .utf8))
        let log = try PurchaseLog(path: file.path)
        #expect(log.purchases.count == 6_919)
        #expect(firstDifference(decisionsInTurn(log), expected) == nil)
    }

    /// What a made-up log is drawn from: the ends of what the format allows, and numbers that hit the rules' borders.
    struct Range: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var customers: [Int] = Array(0...40)
        var years = 1999...2000
        var months = 1...12
        var discs = 1...5
        var cents: [Int] = Array(0...12_000)
    }

    static let ranges = [
        Range(testDescription: "two years"),
        Range(testDescription: "all years", years: 1970...2099),
        Range(
            testDescription: "large", customers: Array(999_999_800...999_999_999), years: 1970...2099, discs: 1...9_999,
            cents: [999_999_999, 999_999_999, 0, 7]),
        Range(testDescription: "round sums", months: 3...3, cents: [0, 500, 1_000, 2_000, 3_000, 6_000]),
        Range(testDescription: "distances", customers: Array(0...999), discs: 1...1, cents: Array(2_600...4_600)),
    ]

    @Test(arguments: ranges, [1, 2, 3]) func madeUpLogsDecideAsTheReferenceDoes(range: Range, seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var text = ""
        for _ in 0..<2_000 {
            let customer = try #require(range.customers.randomElement(using: &random))
            let year = Int.random(in: range.years, using: &random)
            let month = Int.random(in: range.months, using: &random), day = Int.random(in: 1...28, using: &random)
            let discs = Int.random(in: range.discs, using: &random)
            let cents = try #require(range.cents.randomElement(using: &random))
            let date = String(format: "%04d%02d%02d", year, month, day)
            text += " \(customer) 1 \(date) \(discs) \(cents / 100)." + String(format: "%02d\r\n", cents % 100)
        }
        let log = try PurchaseLog(bytes: Array(text.utf8), name: "made-up")
        #expect(firstDifference(decisionsInTurn(log), reference.decisions(log: text)) == nil)
    }

    /// Every number at its largest, every kind of offer, every title.
    @Test func theLongestLineFits() throws {
        let date = try #require(CalendarDate(year: 2099, month: 12, day: 31))
        let purchase = Purchase(
            index: 0, customer: 999_999_999, date: date, discs: 9_999, cents: 999_999_999)
        let behaviour = Behaviour(
            recency: 47_481, frequency: .max, spendCents: .max, tier: .regular, lateAfter: 47_481)
        var longest = purchase.notify(Decision(behaviour: behaviour, offer: nil), .standard).count
        for kind in [Offer.Kind.suggest, .bundle, .thanks, .winback(days: 47_481)] {
            for title in 0..<Catalogue.titleCount {
                let decision = Decision(
                    behaviour: behaviour, offer: Offer(kind: kind, titleIndex: title, cents: 9_999))
                longest = max(longest, purchase.notify(decision, .standard).count)
            }
        }
        #expect(longest == 154)
        #expect(longest <= DecisionLine.bytesMax)
    }
}
