// The tasks behaviour, stock, price and decide as pure functions. The workload's page states them in the same order
// and the same words; a change here is a change there and in the reference of the tests.

enum Tier: UInt8, Sendable {
    case new, regular, silver, gold
}

/// What `behaviour` remembers of a customer from purchase to purchase.
struct CustomerHistory: Sendable {
    var frequency: UInt32 = 0
    var spendCents: UInt64 = 0
    var points: UInt64 = 0
    var lastDay: UInt32 = 0
    /// Days between purchases, the oldest first.
    var gaps = InlineArray<8, UInt32>(repeating: 0)
    var gapCount = 0
}

struct Behaviour: Sendable {
    let recency: UInt32?
    let frequency: UInt32
    let spendCents: UInt64
    let tier: Tier
    /// The recency of a customer who is late; nil for everybody else.
    let lateAfter: UInt32?
}

struct Stock: Sendable {
    /// Pieces on the shelf, by title.
    let levels: InlineArray<16, UInt8>
}

struct PriceList: Sendable {
    /// Cents by title; nil is not for sale.
    let prices: InlineArray<16, UInt16?>
}

struct Offer: Sendable {
    enum Kind: Sendable {
        case suggest, bundle, thanks
        /// The customer was away for longer than the rhythm of earlier purchases explains.
        case winback(days: UInt32)
    }

    let kind: Kind
    let titleIndex: Int
    let cents: UInt32
}

struct Decision: Sendable {
    let behaviour: Behaviour
    let offer: Offer?
}

extension Catalogue {
    /// What is on the shelf on this date?
    func stock(on date: CalendarDate) -> Stock {
        let season = Int(date.month % 12 / 3)
        let days = UInt8(date.weekday) * (date.month == 12 ? 2 : 1)
        var levels = InlineArray<16, UInt8>(repeating: 0)
        for index in levels.indices {
            let level = seasonLevels[season][index]
            let sold = sales[index] * days
            levels[index] = level > sold ? level - sold : 0
        }
        return Stock(levels: levels)
    }

    /// What does each title cost a customer of this tier, with these levels?
    func prices(for tier: Tier, _ stock: Stock) -> PriceList {
        let tierPercent: UInt32 =
            switch tier {
            case .new: 100
            case .regular: 97
            case .silver: 94
            case .gold: 90
            }
        var prices = InlineArray<16, UInt16?>(repeating: nil)
        for index in prices.indices {
            let level = stock.levels[index]
            guard level > 0 else { continue }
            let percent = level >= 60 ? tierPercent - 8 : level < 10 ? tierPercent + 5 : tierPercent
            let cents = max(UInt32(listCents[index]) * percent / 100, UInt32(costCents[index]))
            prices[index] = UInt16(cents - cents % 10 + 9)
        }
        return PriceList(prices: prices)
    }
}

extension Purchase {
    /// Who is this customer by now?
    func behaviour(_ history: inout CustomerHistory) -> Behaviour {
        let rhythm = history.rhythm
        var recency: UInt32?
        if history.frequency > 0 {
            let gap = date.daysSince1970 - history.lastDay
            history.append(gap: gap)
            recency = gap
        }
        history.lastDay = date.daysSince1970
        history.frequency += 1
        history.spendCents += UInt64(cents)
        let faded = history.points * 90 / (90 + UInt64(recency ?? 0))
        history.points = min(faded + UInt64(cents) / 10, 1_000_000)

        let isLate = if let rhythm, let recency { recency > 2 * rhythm + 14 } else { false }
        return Behaviour(
            recency: recency, frequency: history.frequency, spendCents: history.spendCents, tier: history.tier,
            lateAfter: isLate ? recency : nil)
    }

    /// Which offer, if any?
    func decide(_ behaviour: Behaviour, _ list: PriceList, _ catalogue: borrowing Catalogue) -> Decision {
        guard cents > 0, behaviour.recency != 0, let best = bestCandidate(behaviour, list, catalogue) else {
            return Decision(behaviour: behaviour, offer: nil)
        }
        let kind: Offer.Kind
        let discountPercent: UInt32
        if let days = behaviour.lateAfter {
            (kind, discountPercent) = (.winback(days: days), 15)
        } else if behaviour.tier == .gold {
            (kind, discountPercent) = (.thanks, 5)
        } else if discs >= 3 {
            (kind, discountPercent) = (.bundle, 10)
        } else {
            (kind, discountPercent) = (.suggest, 0)
        }
        let offer = Offer(
            kind: kind, titleIndex: best.index, cents: best.cents - best.cents * discountPercent / 100)
        return Decision(behaviour: behaviour, offer: offer)
    }

    private func bestCandidate(
        _ behaviour: Behaviour, _ list: PriceList, _ catalogue: borrowing Catalogue
    ) -> (index: Int, cents: UInt32)? {
        let average = behaviour.spendCents / UInt64(behaviour.frequency)
        let isPreferred = behaviour.tier == .silver || behaviour.tier == .gold
        let budget = isPreferred ? average * 3 / 2 : average
        let centsPerDisc = cents / discs
        var best: (index: Int, cents: UInt32)?
        var bestScore: UInt32 = 0
        for index in list.prices.indices {
            guard let listed = list.prices[index], listed <= budget else { continue }
            let price = UInt32(listed)
            // Modulo 2^32, as the page says; the upper four bits are the taste.
            let taste = (customer &* 2_654_435_761 &+ UInt32(index + 1) &* 2_246_822_519) >> 28
            let distance = price > centsPerDisc ? price - centsPerDisc : centsPerDisc - price
            let score = taste * 100 + (price - UInt32(catalogue.costCents[index])) + 2_000 - min(2_000, distance)
            if best == nil || score > bestScore {
                best = (index, price)
                bestScore = score
            }
        }
        return best
    }
}

extension CustomerHistory {
    /// The lower median of the gaps.
    fileprivate var rhythm: UInt32? {
        guard gapCount > 0 else { return nil }
        var sorted = gaps
        for end in 1..<gapCount {
            var position = end
            while position > 0 && sorted[position - 1] > sorted[position] {
                sorted.swapAt(position - 1, position)
                position -= 1
            }
        }
        return sorted[(gapCount - 1) / 2]
    }

    fileprivate mutating func append(gap: UInt32) {
        if gapCount == gaps.count {
            for position in 1..<gaps.count { gaps[position - 1] = gaps[position] }
            gapCount -= 1
        }
        gaps[gapCount] = gap
        gapCount += 1
    }

    fileprivate var tier: Tier {
        if frequency >= 5 && points >= 1_500 { return .gold }
        if frequency >= 3 && points >= 600 { return .silver }
        return frequency >= 2 ? .regular : .new
    }
}
