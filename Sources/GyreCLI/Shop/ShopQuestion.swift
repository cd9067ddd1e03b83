/// What stands behind `stock` and `price`, as it is named in paths, fault plans and reports.
enum ShopService: String, Sendable, CaseIterable {
    case stock
    case price
    /// The same answers from elsewhere, for when the first one has none.
    case stockMirror = "stock-mirror"
    case priceMirror = "price-mirror"
}

/// A question to a service, and how it travels: a path and a query, answered by a line of sixteen words.
struct ShopQuestion: Sendable {
    enum Subject: Sendable {
        case stock(on: CalendarDate)
        case price(for: Tier, Stock)
    }

    let service: ShopService
    let subject: Subject
    /// Position in the replay. With the attempt, what chance of a fault follows from.
    let purchase: UInt32
    let attempt: Int

    var path: String { "/\(service.rawValue)" }

    var query: [(name: String, value: String)] {
        let key = [("purchase", String(purchase)), ("attempt", String(attempt))]
        switch subject {
        case .stock(let date):
            return [("date", "\(date.year)-\(date.month)-\(date.day)")] + key
        case .price(let tier, let stock):
            let levels = stock.levels.indices.map { String(stock.levels[$0]) }.joined(separator: ".")
            return [("tier", tier.word), ("levels", levels)] + key
        }
    }
}

/// A question that is none, with the reason for whoever asked.
struct ShopQuestionError: Error, Equatable {
    let reason: String
}

extension ShopQuestion {
    /// Reads a question as a server has to: everything is checked, and nothing that is unknown passes.
    ///
    /// - Parameter query: Each name once.
    init(service: ShopService, query: [(name: String, value: String)]) throws(ShopQuestionError) {
        var values: [String: String] = [:]
        for (name, value) in query {
            guard values.updateValue(value, forKey: name) == nil else {
                throw ShopQuestionError(reason: "\(name): it is there twice")
            }
        }
        func take<Value>(_ name: String, _ parse: (String) -> Value?) throws(ShopQuestionError) -> Value {
            guard let text = values.removeValue(forKey: name) else {
                throw ShopQuestionError(reason: "\(name): it is missing")
            }
            guard let value = parse(text) else { throw ShopQuestionError(reason: "\(name): it cannot be used") }
            return value
        }
        self.service = service
        purchase = try take("purchase") { UInt32($0) }
        attempt = try take("attempt") { text in Int(text).flatMap { (1...65_535).contains($0) ? $0 : nil } }
        switch service {
        case .stock, .stockMirror:
            subject = .stock(on: try take("date", CalendarDate.init(dashed:)))
        case .price, .priceMirror:
            let tier = try take("tier", Tier.init(word:))
            subject = .price(for: tier, try take("levels") { Stock(words: $0.split(separator: ".")) })
        }
        if let name = values.keys.min() { throw ShopQuestionError(reason: "\(name): nobody asks for it") }
    }

    /// What the service answers when nothing goes wrong: sixteen words on one line, `-` for what is not for sale.
    func answer(_ catalogue: borrowing Catalogue) -> String {
        switch subject {
        case .stock(let date):
            let levels = catalogue.stock(on: date).levels
            return levels.indices.map { String(levels[$0]) }.joined(separator: " ")
        case .price(let tier, let stock):
            let prices = catalogue.prices(for: tier, stock).prices
            return prices.indices.map { index in prices[index].map { String($0) } ?? "-" }.joined(separator: " ")
        }
    }
}

extension Stock {
    /// Nil unless there is a level for each title.
    init?(words: [Substring]) {
        guard words.count == Catalogue.titleCount else { return nil }
        var levels = InlineArray<16, UInt8>(repeating: 0)
        for (index, word) in words.enumerated() {
            guard let level = UInt8(word) else { return nil }
            levels[index] = level
        }
        self.levels = levels
    }

    init?(answer: String) {
        self.init(words: answer.split(separator: " "))
    }
}

extension PriceList {
    /// Nil unless there is a price, or the word that there is none, for each title.
    init?(answer: String) {
        let words = answer.split(separator: " ")
        guard words.count == Catalogue.titleCount else { return nil }
        var prices = InlineArray<16, UInt16?>(repeating: nil)
        for (index, word) in words.enumerated() where word != "-" {
            guard let price = UInt16(word) else { return nil }
            prices[index] = price
        }
        self.prices = prices
    }
}

extension CalendarDate {
    fileprivate init?(dashed text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
        guard parts.count == 3, let year = parts[0], let month = parts[1], let day = parts[2] else { return nil }
        self.init(year: year, month: month, day: day)
    }
}

extension Tier {
    fileprivate static let all: [Tier] = [.new, .regular, .silver, .gold]

    fileprivate init?(word: String) {
        guard let tier = Self.all.first(where: { $0.word == word }) else { return nil }
        self = tier
    }

    fileprivate var word: String { name.description }
}
