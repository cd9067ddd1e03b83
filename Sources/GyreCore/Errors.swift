/// Why a task was not accepted. Nothing was queued, and nothing is left behind.
public enum SubmitError: Error, Equatable, Sendable {
    /// As many tasks are queued and running as the pool was made for. Try again when some have ended.
    case full
    /// The pool or runtime drains or has ended.
    case closed
    /// The deadline had passed before the task was queued.
    case late
}

/// Why a pool or runtime could not be made of a configuration.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The field at fault, as it is written in code: `workers`, `inFlight`.
    public let field: String
    /// What is wrong with it, and which values are right.
    public let reason: String

    package init(field: String, reason: String) {
        self.field = field
        self.reason = reason
    }

    public var description: String { "\(field): \(reason)" }
}
