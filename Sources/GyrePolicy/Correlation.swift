/// How two series move together over their last 50 pairs, and how much the second one varies.
///
/// - Complexity: O(window) per pair, so that rounding errors do not pile up in running sums; a pair is added once per
///   second or so.
struct Correlation: Sendable, Equatable {
    private let window: Int
    private var pairs: [(x: Double, y: Double)] = []
    private var oldest = 0

    init(window: Int = 50) {
        self.window = window
        pairs.reserveCapacity(window)
    }

    static func == (left: Correlation, right: Correlation) -> Bool {
        left.window == right.window && left.oldest == right.oldest
            && left.pairs.elementsEqual(right.pairs) { $0.x == $1.x && $0.y == $1.y }
    }

    mutating func add(_ x: Double, _ y: Double) {
        if pairs.count < window {
            pairs.append((x, y))
        } else {
            pairs[oldest] = (x, y)
            oldest = (oldest + 1) % window
        }
    }

    /// From -1 to 1; 0 while there are fewer than ten pairs or one series hardly varies (by less than 1 % of its mean,
    /// as in failsafe-go's window): of what stands still nothing follows.
    var coefficient: Double {
        guard pairs.count >= Self.pairsMin else { return 0 }
        let (x, y) = (moments { $0.x }, moments { $0.y })
        guard x.variation >= 0.01, y.variation >= 0.01 else { return 0 }
        let covariance = pairs.reduce(0) { $0 + ($1.x - x.mean) * ($1.y - y.mean) } / Double(pairs.count)
        return covariance / (x.deviation * y.deviation)
    }

    /// Standard deviation of the second series by its mean; 1 while there are fewer than ten pairs.
    var variationOfSecond: Double { pairs.count < Self.pairsMin ? 1 : moments { $0.y }.variation }

    static let pairsMin = 10

    private func moments(
        _ value: (((x: Double, y: Double)) -> Double)
    ) -> (mean: Double, deviation: Double, variation: Double) {
        let count = Double(pairs.count)
        let mean = pairs.reduce(0) { $0 + value($1) } / count
        let variance = pairs.reduce(0) { $0 + (value($1) - mean) * (value($1) - mean) } / count
        let deviation = variance.squareRoot()
        return (mean, deviation, mean == 0 ? 0 : deviation / abs(mean))
    }
}
