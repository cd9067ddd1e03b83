/// Figures of repeated runs, in the order in which they were taken.
package struct Samples: Sendable, Equatable {
    package let values: [Double]

    /// - Precondition: there is at least one.
    package init(_ values: [Double]) {
        precondition(!values.isEmpty, "no samples")
        self.values = values
    }

    package var count: Int { values.count }
    package var min: Double { quantile(0) }
    package var median: Double { quantile(0.5) }
    package var max: Double { quantile(1) }
    package var lowerQuartile: Double { quantile(0.25) }
    package var upperQuartile: Double { quantile(0.75) }

    /// Between two samples it lies on the line from one to the other.
    package func quantile(_ fraction: Double) -> Double {
        let sorted = values.sorted()
        let position = fraction * Double(sorted.count - 1)
        let below = Int(position)
        guard below + 1 < sorted.count else { return sorted[sorted.count - 1] }
        return sorted[below] + (position - Double(below)) * (sorted[below + 1] - sorted[below])
    }

    /// Ratios of runs that stood side by side: the n-th of ours to the n-th of a peer. A slow minute is in both of them
    /// and falls out, which it does not when medians are divided.
    func paired(with peer: Samples, _ metric: Metric) -> Samples {
        Samples(zip(values, peer.values).map { metric.ratio($0, to: $1) })
    }
}
