/// One number of a run's result, and its name.
public struct LoadFigure: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// From 0 to 100.
        case percentile(Double)
        case min, mean, max
        /// Operations that ended, a second.
        case rate
        /// Operations for which there was no room.
        case refused
    }

    public let kind: Kind
    /// Whether a time is the service time; else it is the response time.
    public let isService: Bool

    public init(_ kind: Kind, isService: Bool = false) {
        self.kind = kind
        self.isService = isService
    }

    /// Whether it is a length of time, in nanoseconds.
    public var isTime: Bool { kind != .rate && kind != .refused }

    /// As a condition has it: `p99.9`, `service max`, `rate`.
    public var name: String {
        let name =
            switch kind {
            case .percentile(let percentile):
                percentile == percentile.rounded() ? "p\(Int(percentile))" : "p\(percentile)"
            case .min: "min"
            case .mean: "mean"
            case .max: "max"
            case .rate: "rate"
            case .refused: "refused"
            }
        return isService ? "service \(name)" : name
    }

    /// Nanoseconds, operations a second, or a count. `nil` for a time when nothing ended.
    public func value(in result: LoadResult) -> Double? {
        let histogram = isService ? result.service : result.response
        return switch kind {
        case .percentile(let percentile): histogram.nanoseconds(atPercentile: percentile).map { Double($0) }
        case .min: histogram.minimumNanoseconds.map { Double($0) }
        case .mean: histogram.meanNanoseconds
        case .max: histogram.maximumNanoseconds.map { Double($0) }
        case .rate: result.perSecond
        case .refused: Double(result.refused)
        }
    }

    /// `value` for a person.
    public func text(of value: Double) -> String {
        isTime ? timeText(value) : String(UInt64(max(0, min(value, 1e15)).rounded()))
    }
}
