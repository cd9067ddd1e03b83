// The parser of purchase logs, and the rules and lines over what it took. Input: the bytes of a log.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = Bytes(data, count).array
    let lines = bytes.count { $0 == UInt8(ascii: "\n") } + 1
    do {
        let log = try PurchaseLog(bytes: bytes, name: "log")
        check(log, bytes, lines)
    } catch {
        precondition(error.file == "log" && !error.reason.isEmpty)
        guard let line = error.line else { preconditionFailure("an error in a text has its line") }
        precondition((1...lines + 1).contains(line), "line \(line) of \(lines)")
    }
    return 0
}

private func check(_ log: PurchaseLog, _ bytes: [UInt8], _ lines: Int) {
    let text = bytes.split(separator: UInt8(ascii: "\n")).count
    precondition(log.purchases.count == text - (log.layout == .master ? 1 : 0), "a purchase for each line")
    // Written in the plain form and read again it is the same.
    var plain = log.layout == .master ? "customer_id date number_of_cds dollar_value\n" : ""
    for purchase in log.purchases {
        let (date, cents) = (purchase.date, purchase.cents)
        let day = Int(date.year) * 10_000 + Int(date.month) * 100 + Int(date.day)
        plain += "\(purchase.customer)\(log.layout == .master ? "" : " 1") \(day) \(purchase.discs) "
        plain += "\(cents / 100).\(cents / 10 % 10)\(cents % 10)\n"
    }
    do {
        let again = try PurchaseLog(bytes: Array(plain.utf8), name: "again")
        precondition(again == log)
    } catch {
        preconditionFailure("\(error)")
    }
    // The rules take whatever the parser took.
    let catalogue = Catalogue.standard
    var histories: [UInt32: CustomerHistory] = [:]
    for purchase in log.purchases {
        let behaviour = purchase.behaviour(&histories[purchase.customer, default: CustomerHistory()])
        let prices = catalogue.prices(for: behaviour.tier, catalogue.stock(on: purchase.date))
        checkLine(purchase.notify(purchase.decide(behaviour, prices, catalogue), catalogue))
    }
}
