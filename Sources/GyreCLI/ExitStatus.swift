import Gyre

/// How the process ends. The numbers are part of the interface.
enum ExitStatus: Int32, Sendable {
    case done = 0
    /// A task failed, or two passes over the same input did not decide the same.
    case taskFailed = 1
    /// Usage, or input or output that cannot be used.
    case usage = 2
    /// A condition that was asked for with `--fail-if` holds.
    case conditionHolds = 3
    /// A signal asked for the end; what was taken on was drained.
    case interrupted = 4
}

/// What ends a command early: one line for standard error, and how the process ends.
struct CommandFailure: Error, Equatable {
    let code: ExitStatus
    let text: String
}

/// An error that is the user's to mend. Its description is one line, and the process ends with ``ExitStatus/usage``.
protocol BadInput: Error, CustomStringConvertible {}

extension PurchaseLogError: BadInput {}
extension WholeFileError: BadInput {}
extension ConfigurationError: BadInput {}
