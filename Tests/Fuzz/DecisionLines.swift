// The lines of decisions at the limits of every number. Input: the numbers of a purchase and of a decision.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    var bytes = Bytes(data, count)
    let date = CalendarDate(
        year: 1970 + UInt32(bytes.byte()), month: UInt32(bytes.byte() % 14), day: UInt32(bytes.byte() % 33))
    guard let date else { return 0 }
    let purchase = Purchase(
        index: 0, customer: UInt32(bytes.number() % 1_000_000_000), date: date, discs: UInt32(bytes.number() % 10_000),
        cents: UInt32(bytes.number() % 1_000_000_000))
    let days = UInt32(bytes.number() % 48_000)
    let tier = Tier(rawValue: bytes.byte() % 4) ?? .new
    // Two billion purchases of a million dollars each are what a log can hold.
    let behaviour = Behaviour(
        recency: bytes.byte() % 2 == 0 ? nil : days, frequency: UInt32(truncatingIfNeeded: bytes.number()),
        spendCents: bytes.number() % (2_147_483_648 * 1_000_000_000), tier: tier, lateAfter: nil)
    var offer: Offer?
    if bytes.byte() % 4 > 0 {
        let kinds: [Offer.Kind] = [.suggest, .bundle, .thanks, .winback(days: days)]
        offer = Offer(
            kind: kinds[Int(bytes.byte() % 4)], titleIndex: Int(bytes.byte() % 16),
            cents: UInt32(bytes.number() % 65_536))
    }
    checkLine(purchase.notify(Decision(behaviour: behaviour, offer: offer), .standard))
    return 0
}
