// The reader of cron expressions. Input: the text of one.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let text = String(decoding: Bytes(data, count).array, as: UTF8.self)
    do {
        check(try CronExpression(text))
    } catch {
        precondition((1...text.count + 1).contains(error.column), "\(error)")
        precondition(!error.reason.isEmpty && !error.field.isEmpty)
    }
    return 0
}

private let zone = ZoneRules(name: "two changes") { instant in
    (1_774_746_000..<1_792_890_000).contains(instant) ? 7_200 : 3_600
}

private func check(_ expression: CronExpression) {
    // What can be read is due some day, and then later and later, on a wall as in a zone with a gap.
    var civil = CivilMinute(year: 2_026, month: 3, day: 28)
    var instant: Int64 = 1_774_740_000
    for _ in 0..<4 {
        guard let next = expression.next(after: civil), let due = expression.next(after: instant, in: zone) else {
            preconditionFailure("\(expression) is never due after \(civil)")
        }
        precondition(next > civil && due > instant)
        (civil, instant) = (next, due)
    }
}
