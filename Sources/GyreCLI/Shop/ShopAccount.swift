import Gyre

/// What became of a purchase.
enum PurchaseEnd: Sendable, Hashable {
    /// As the services said.
    case decided
    /// A mirror was asked or the shop guessed, for one of the two at least.
    case fallenBack(stock: ServedBy, price: ServedBy)
    case failed(ShopFailure)

    init(stock: ServedBy, price: ServedBy) {
        self = stock == .primary && price == .primary ? .decided : .fallenBack(stock: stock, price: price)
    }

    /// Whether the line is what the rules say, and no guess.
    var isExact: Bool {
        switch self {
        case .decided: return true
        case .fallenBack(let stock, let price): return !stock.isGuess && !price.isGuess
        case .failed: return false
        }
    }
}

/// Why a purchase could not be decided, without what differs from purchase to purchase.
struct ShopFailure: Sendable, Hashable {
    /// The node at fault.
    let node: String
    let ending: NodeReport.Ending
    /// The kind of its error, and the policy that said so; nil when there is none.
    let kind: ErrorKinds?
    let policy: PolicyKind?
}

extension ShopFailure {
    init(of result: GraphResult) {
        guard let report = result.nodes.first(where: { $0.ending != .succeeded && $0.ending != .upstreamFailed }) else {
            preconditionFailure("a run that failed has a node that did")
        }
        self.init(
            node: report.name, ending: report.ending, kind: report.error.map { ErrorClass(of: $0).kind },
            policy: (report.error as? GyreError)?.policy)
    }
}

extension ServedBy {
    fileprivate var isGuess: Bool { if case .staleValue = self { true } else { false } }

    /// Nil for the service itself.
    fileprivate var step: String? {
        switch self {
        case .primary: return nil
        case .fallback(let step, _), .staleValue(let step): return step
        }
    }
}

extension PurchaseEnd: CustomStringConvertible {
    var description: String {
        switch self {
        case .decided: return "decided"
        case .fallenBack(let stock, let price):
            let steps = [("stock", stock.step), ("price", price.step)].compactMap { name, step in
                step.map { "\(name) by \($0)" }
            }
            return "fallen back: \(steps.joined(separator: ", "))"
        case .failed(let failure): return "failed: \(failure)"
        }
    }
}

extension ShopFailure: CustomStringConvertible {
    var description: String {
        let what = kind?.description ?? ending.rawValue
        return policy.map { "\(node), \(what) by \($0)" } ?? "\(node), \(what)"
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
    fileprivate var place: (Int, String) {
        switch self {
        case .decided: return (0, "")
        case .fallenBack: return (1, description)
        case .failed: return (2, description)
        }
    }
}
