import Gyre

/// What became of a purchase.
enum PurchaseEnd: Sendable, Hashable {
    /// As the services said.
    case decided
    /// Somebody else was asked, or the shop guessed: by which steps.
    case fallenBack(String)
    case failed(String)
}

extension PurchaseEnd {
    init(stock: ServedBy, price: ServedBy) {
        let steps = [("stock", stock), ("price", price)].compactMap { name, servedBy in
            switch servedBy {
            case .primary: return nil as String?
            case .fallback(let step, _), .staleValue(let step): return "\(name) by \(step)"
            }
        }
        self = steps.isEmpty ? .decided : .fallenBack(steps.joined(separator: ", "))
    }

    /// The reason without what differs from purchase to purchase.
    init(failureOf result: GraphResult) {
        switch result.firstError {
        case let error as GyreError:
            let parts = [error.dependency, error.code.description, error.policy?.description]
            self = .failed(parts.compactMap { $0 }.joined(separator: ", "))
        case let error?: self = .failed(String(describing: error))
        case nil:
            let node = result.nodes.first { $0.ending != .succeeded }
            self = .failed(node.map { "\($0.name), \($0.ending.rawValue)" } ?? "no reason")
        }
    }
}

/// Each purchase with its end: one place for each, so that one that is lost or counted twice is found.
struct ShopAccount: Sendable {
    private var ends: [PurchaseEnd?]
    /// How many were handed over.
    private(set) var submitted = 0
    /// The first purchase that ended a second time.
    private(set) var endedTwice: UInt32?

    init(count: Int) {
        ends = Array(repeating: nil, count: count)
    }

    mutating func submit() { submitted += 1 }

    mutating func end(_ purchase: UInt32, _ end: PurchaseEnd) {
        if ends[Int(purchase)] != nil { endedTwice = endedTwice ?? purchase }
        ends[Int(purchase)] = end
    }

    subscript(purchase: UInt32) -> PurchaseEnd? { ends[Int(purchase)] }

    /// Ends with how many purchases ended so: decided first, the others by name.
    var sums: [(end: PurchaseEnd, count: UInt64)] {
        var counts: [PurchaseEnd: UInt64] = [.decided: 0]
        for case let end? in ends { counts[end, default: 0] += 1 }
        return counts.map { (end: $0.key, count: $0.value) }.sorted { $0.end.place < $1.end.place }
    }

    /// Purchases that ended, in whatever way.
    var sum: UInt64 { sums.reduce(0) { $0 + $1.count } }

    /// What is wrong with the account, if anything is.
    var trouble: String? {
        if let endedTwice { return "purchase \(endedTwice + 1) ended twice" }
        guard sum != UInt64(submitted) else { return nil }
        return "\(submitted) purchases were handed over and \(sum) ended"
    }

    var failed: UInt64 {
        sums.reduce(0) { sum, entry in if case .failed = entry.end { sum + entry.count } else { sum } }
    }
}

extension PurchaseEnd {
    /// Whether the line is what the rules say, and no guess.
    var isExact: Bool {
        switch self {
        case .decided: return true
        case .fallenBack(let steps): return !steps.contains("full shelf") && !steps.contains("list price")
        case .failed: return false
        }
    }

    fileprivate var place: (Int, String) {
        switch self {
        case .decided: return (0, "")
        case .fallenBack(let steps): return (1, steps)
        case .failed(let reason): return (2, reason)
        }
    }
}
