/// The line that `notify` renders, as bytes in place: no allocation.
struct DecisionLine: Sendable {
    /// The longest line that the rules can make has 154 bytes: every number at its largest, the longest title.
    static let bytesMax = 160

    private(set) var bytes = InlineArray<160, UInt8>(repeating: 0)
    private(set) var count = 0
}

extension Purchase {
    /// Renders the message and everything it was decided from.
    func notify(_ decision: Decision, _ catalogue: borrowing Catalogue) -> DecisionLine {
        let behaviour = decision.behaviour
        var line = DecisionLine()
        line.appendKey(of: self)
        line.append("\t")
        line.append(behaviour.tier.name)
        line.append("\t")
        if let recency = behaviour.recency { line.append(UInt64(recency)) } else { line.append("-") }
        line.append("\t")
        line.append(UInt64(behaviour.frequency))
        line.append("\t")
        line.append(cents: behaviour.spendCents)
        line.append("\t")
        if let offer = decision.offer {
            line.append(offer.kind.name)
            line.append("\t")
            line.append(catalogue.codes[offer.titleIndex])
            line.append("\t")
            line.append(cents: UInt64(offer.cents))
            line.append("\t")
            appendMessage(offer, catalogue.names[offer.titleIndex], to: &line)
        } else {
            line.append("none\t-\t-\tThank you for your order of ")
            line.append(UInt64(discs))
            line.append(" CDs for ")
            line.append(cents: UInt64(cents))
        }
        line.append(".\n")
        return line
    }

    /// The line of a purchase that could not be decided.
    var failureLine: DecisionLine {
        var line = DecisionLine()
        line.appendKey(of: self)
        line.append("\t-\t-\t-\t-\tfailed\t-\t-\tNo offer could be decided.\n")
        return line
    }

    private func appendMessage(_ offer: Offer, _ title: StaticString, to line: inout DecisionLine) {
        switch offer.kind {
        case .suggest:
            line.append("You may like \"")
            line.append(title)
            line.append("\" at ")
        case .bundle:
            line.append("Add \"")
            line.append(title)
            line.append("\" to your ")
            line.append(UInt64(discs))
            line.append(" CDs at ")
        case .thanks:
            line.append("As a gold customer you get \"")
            line.append(title)
            line.append("\" at ")
        case .winback(let days):
            line.append("We missed you for ")
            line.append(UInt64(days))
            line.append(" days: \"")
            line.append(title)
            line.append("\" is yours at ")
        }
        line.append(cents: UInt64(offer.cents))
    }
}

extension DecisionLine {
    fileprivate mutating func append(_ text: StaticString) {
        let length = text.utf8CodeUnitCount
        let start = text.utf8Start
        for offset in 0..<length { bytes[count + offset] = start[offset] }
        count += length
    }

    fileprivate mutating func append(_ number: UInt64, digitsMin: Int = 1) {
        var length = 1
        var power: UInt64 = 10
        while number >= power {
            length += 1
            let (next, overflow) = power.multipliedReportingOverflow(by: 10)
            if overflow { break }
            power = next
        }
        length = max(length, digitsMin)
        var rest = number
        for position in stride(from: count + length - 1, through: count, by: -1) {
            bytes[position] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        count += length
    }

    fileprivate mutating func appendKey(of purchase: Purchase) {
        append(UInt64(purchase.date.year), digitsMin: 4)
        append(UInt64(purchase.date.month), digitsMin: 2)
        append(UInt64(purchase.date.day), digitsMin: 2)
        append("\t")
        append(UInt64(purchase.customer), digitsMin: 5)
    }

    fileprivate mutating func append(cents: UInt64) {
        append(cents / 100)
        append(".")
        append(cents % 100, digitsMin: 2)
    }
}

extension Tier {
    var name: StaticString {
        switch self {
        case .new: "new"
        case .regular: "regular"
        case .silver: "silver"
        case .gold: "gold"
        }
    }
}

extension Offer.Kind {
    fileprivate var name: StaticString {
        switch self {
        case .suggest: "suggest"
        case .bundle: "bundle"
        case .thanks: "thanks"
        case .winback: "winback"
        }
    }
}
