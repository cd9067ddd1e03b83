/// What a cell should show.
package struct Target: Sendable {
    enum Bound: Sendable {
        /// At least so many times better than the best of these peers, by the median ratio.
        case ratio(Double, Set<String>)
        /// Our own median is at most this, in the cell's unit.
        case atMost(Double)
    }

    let bound: Bound

    package init(_ ratio: Double, _ peers: Set<String>) { bound = .ratio(ratio, peers) }

    private init(_ bound: Bound) { self.bound = bound }

    /// Our own median is at most `median`, in the cell's unit, whatever others do.
    package static func atMost(_ median: Double) -> Target { Target(.atMost(median)) }
}

/// How a cell stands to one of its targets.
package struct TargetVerdict: Codable, Sendable, Equatable {
    package let title: String
    /// The strongest of the peers that the target names; ``own`` for one about our own figure.
    package let peer: String
    package let wanted: Double
    package let found: Double
    /// Of an own figure, else empty.
    package let unit: String
    /// Nothing is decided by it then.
    package let isNoisy: Bool

    /// In the place of a peer, for targets about our own figure. Also in the table of reasons.
    package static let own = "itself"

    package var isMet: Bool { peer == Self.own ? found <= wanted : found >= wanted }

    /// A line below a table.
    var text: String {
        let word = isNoisy ? "not judged, the machine was noisy" : isMet ? "met" : "missed"
        let wanted = Report.hundredths(wanted)
        let found = Report.hundredths(found)
        if peer == Self.own { return "target at most \(wanted) \(unit): \(found), \(word)" }
        return "target \(wanted)x \(peer): \(found)x, \(word)"
    }
}

extension CellResult {
    /// How the cell stands to each of its targets; none for a target of whose peers none was measured.
    package var verdicts: [TargetVerdict] {
        cell.targets.compactMap { target in
            let isNoisy = disturbance.isNoisy
            switch target.bound {
            case .ratio(let wanted, let peers):
                let named = ratios.filter { peers.contains($0.peer) }
                return named.min { $0.samples.median < $1.samples.median }.map {
                    TargetVerdict(
                        title: cell.title, peer: $0.peer, wanted: wanted, found: $0.samples.median, unit: "",
                        isNoisy: isNoisy)
                }
            case .atMost(let wanted):
                return figures.first { $0.name == Cell.own }.map {
                    TargetVerdict(
                        title: cell.title, peer: TargetVerdict.own, wanted: wanted, found: $0.samples.median,
                        unit: cell.metric.unit, isNoisy: isNoisy)
                }
            }
        }
    }
}
