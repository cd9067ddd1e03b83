/// How many tokens an answer will have, for the reservation: the 90th percentile of the last answers.
///
/// More would refuse calls that fit, less would overrun the provider's limit by the difference until it is corrected.
/// Until there are 50 answers the forecast is the fallback, which is best the call's own maximum.
///
/// - Complexity: O(1) to record, O(buckets) to forecast; 38 KB. The forecast is off by at most 0.79 %.
public struct OutputForecast: Sendable, Equatable {
    private var recent = RecentValues(window: 1_000)

    public static let percentile = 90.0
    public static let samplesMin: UInt64 = 50

    public init() {}

    /// An answer had so many tokens.
    public mutating func record(tokens: UInt64) { recent.record(tokens) }

    /// What to reserve for an answer.
    ///
    /// - Parameters:
    ///   - fallback: As long as there are too few answers to know.
    ///   - most: What the call itself allows; the forecast is never above it.
    public func tokens(fallback: UInt64, most: UInt64 = .max) -> UInt64 {
        guard recent.count >= Self.samplesMin, let learned = recent.value(atPercentile: Self.percentile) else {
            return min(fallback, most)
        }
        return min(learned, most)
    }
}
