import Foundation

/// The storefront a second time: single-threaded, written from the workload's page, sharing no code with the rules.
/// The catalogue is read out of the page itself.
struct StorefrontReference {
    struct Title { let code, name: String, list, cost: Int, levels: [Int], sales: Int }
    struct History { var frequency = 0, spend = 0, points = 0, last = 0, gaps: [Int] = [] }

    let titles: [Title]

    init(page: URL) throws {
        titles = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 9, cells[0].hasPrefix("T"), let list = Int(cells[2]) else { return nil }
            let numbers = cells[3...].compactMap { Int($0) }
            return Title(
                code: cells[0], name: cells[1], list: list, cost: numbers[0], levels: Array(numbers[1...4]),
                sales: numbers[5])
        }
    }

    func decisions(log: String) -> String {
        let lines = log.split(whereSeparator: \.isNewline)
            .map { $0.split(separator: " ").map(String.init) }.filter { $0[0] != "customer_id" }
        let replay = lines.enumerated().sorted { ($0.1[$0.1.count - 3], $0.0) < ($1.1[$1.1.count - 3], $1.0) }
        var histories: [Int: History] = [:]
        return replay.map { decision(for: $0.1, histories: &histories) }.joined()
    }

    func decision(for columns: [String], histories: inout [Int: History]) -> String {
        let date = columns[columns.count - 3], customer = Int(columns[0])!
        let discs = Int(columns[columns.count - 2])!, cents = Int(columns.last!.replacing(".", with: ""))!
        let month = Int(date.dropFirst(4).prefix(2))!
        var utc = Calendar(identifier: .gregorian)
        utc.timeZone = TimeZone(secondsFromGMT: 0)!
        let parts = DateComponents(year: Int(date.prefix(4))!, month: month, day: Int(date.suffix(2))!)
        let day = Int(utc.date(from: parts)!.timeIntervalSince1970) / 86_400

        // behaviour
        var h = histories[customer] ?? History()
        let rhythm = h.gaps.isEmpty ? nil : h.gaps.sorted()[(h.gaps.count - 1) / 2]
        let recency = h.frequency == 0 ? nil : day - h.last
        if let recency { h.gaps = (h.gaps + [recency]).suffix(8) }
        h.last = day
        h.frequency += 1
        h.spend += cents
        h.points = min(h.points * 90 / (90 + (recency ?? 0)) + cents / 10, 1_000_000)
        histories[customer] = h
        let tier =
            h.frequency >= 5 && h.points >= 1500
            ? "gold" : h.frequency >= 3 && h.points >= 600 ? "silver" : h.frequency >= 2 ? "regular" : "new"
        let late = rhythm.map { recency! > 2 * $0 + 14 } ?? false

        // stock, price and the choice of decide, title by title
        let average = h.spend / h.frequency
        let budget = tier == "silver" || tier == "gold" ? average * 3 / 2 : average
        var best: (score: Int, title: Title, price: Int)?
        for (t, title) in zip(1..., titles) {
            let sold = (day + 3) % 7 * title.sales * (month == 12 ? 2 : 1)
            let level = max(0, title.levels[month % 12 / 3] - sold)
            guard level > 0 else { continue }
            let percent =
                100 - ["new": 0, "regular": 3, "silver": 6, "gold": 10][tier]! - (level >= 60 ? 8 : 0)
                + (level < 10 ? 5 : 0)
            var price = max(title.list * percent / 100, title.cost)
            price = price - price % 10 + 9
            guard price <= budget else { continue }
            let taste = (customer * 2_654_435_761 + t * 2_246_822_519) % 4_294_967_296 / 268_435_456
            let score = taste * 100 + (price - title.cost) + 2000 - min(2000, abs(price - cents / discs))
            if score > best?.score ?? -1 { best = (score, title, price) }
        }

        // decide and notify
        func money(_ cents: Int) -> String { "\(cents / 100)." + String(format: "%02d", cents % 100) }
        var line = "\(date)\t" + String(format: "%05d", customer) + "\t\(tier)\t\(recency.map(String.init) ?? "-")"
        line += "\t\(h.frequency)\t\(money(h.spend))\t"
        guard cents > 0, recency != 0, let best else {
            return line + "none\t-\t-\tThank you for your order of \(discs) CDs for \(money(cents)).\n"
        }
        let (kind, percent) =
            late ? ("winback", 15) : tier == "gold" ? ("thanks", 5) : discs >= 3 ? ("bundle", 10) : ("suggest", 0)
        let offer = money(best.price - best.price * percent / 100), name = best.title.name
        let message = [
            "winback": "We missed you for \(recency ?? 0) days: \"\(name)\" is yours at \(offer).",
            "thanks": "As a gold customer you get \"\(name)\" at \(offer).",
            "bundle": "Add \"\(name)\" to your \(discs) CDs at \(offer).",
            "suggest": "You may like \"\(name)\" at \(offer).",
        ]
        return line + "\(kind)\t\(best.title.code)\t\(offer)\t\(message[kind]!)\n"
    }
}
