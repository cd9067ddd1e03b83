/// Figures of repeated runs, in the order in which they were taken.
public struct Samples: Sendable, Equatable {
    /// The figures, in the order in which they were taken.
    public let values: [Double]

    /// - Precondition: there is at least one.
    public init(_ values: [Double]) {
        precondition(!values.isEmpty, "no samples")
        self.values = values
    }

    /// How many runs there were.
    public var count: Int { values.count }
    public var min: Double { quantile(0) }
    public var median: Double { quantile(0.5) }
    public var max: Double { quantile(1) }
    public var lowerQuartile: Double { quantile(0.25) }
    public var upperQuartile: Double { quantile(0.75) }

    /// The value that `fraction`, from 0 to 1, of the samples do not exceed. Between two samples it lies on the line
    /// from one to the other.
    ///
    /// - Complexity: O(n log n).
    public func quantile(_ fraction: Double) -> Double {
        let sorted = values.sorted()
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position)
        guard below + 1 < sorted.count else { return sorted[sorted.count - 1] }
        return sorted[below] + (position - Double(below)) * (sorted[below + 1] - sorted[below])
    }
}
