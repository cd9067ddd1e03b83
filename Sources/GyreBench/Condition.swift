/// A condition on a run, as `p99 > 2ms`: what somebody does not want to see.
///
///     condition   = [ "service" ] figure comparison number
///     figure      = "p" digits [ "." digits ] | "min" | "mean" | "max" | "rate" | "refused"
///     comparison  = ">" | ">=" | "<" | "<="
///     number      = digits [ "." digits ] [ unit ]
///     unit        = "ns" | "us" | "ms" | "s" | "x"
///
/// A time needs a unit. `rate` is operations a second and `refused` a count; they have none. The unit `x` means so many
/// times the figure of the run that is compared with. Blanks may stand between the parts.
public struct Condition: Sendable, Equatable {
    public enum Comparison: String, Sendable, CaseIterable {
        case above = ">"
        case atLeast = ">="
        case below = "<"
        case atMost = "<="
    }

    /// What the figure is held against.
    public enum Bound: Sendable, Equatable {
        case nanoseconds(Double)
        case plain(Double)
        /// So many times the figure of the run that is compared with.
        case times(Double)
    }

    /// What is looked at.
    public let figure: LoadFigure
    public let comparison: Comparison
    public let bound: Bound
    /// As it was written.
    public let text: String

    /// Whether it can be decided only with a run to compare with.
    public var needsComparison: Bool {
        if case .times = bound { return true }
        return false
    }

    /// Whether the condition is true of `result`.
    ///
    /// A figure that there is none of, because nothing ended, makes every condition on a time true: what was to be
    /// bounded was never seen.
    ///
    /// - Parameter compared: The same figure of the run that is compared with. Without one, a bound in times holds.
    public func holds(in result: LoadResult, compared: Double? = nil) -> Bool {
        guard let value = figure.value(in: result) else { return true }
        let limit: Double
        switch bound {
        case .nanoseconds(let number), .plain(let number): limit = number
        case .times(let number):
            guard let compared else { return true }
            limit = number * compared
        }
        return switch comparison {
        case .above: value > limit
        case .atLeast: value >= limit
        case .below: value < limit
        case .atMost: value <= limit
        }
    }
}
