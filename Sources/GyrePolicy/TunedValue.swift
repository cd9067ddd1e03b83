public import GyreCore

/// A value that a controller moves, with its last decision and the reason, and that can be pinned by hand.
public struct TunedValue<Value: Hashable & Sendable>: Sendable, Hashable {
    /// The value in force.
    public private(set) var value: Value
    public private(set) var lastDecision: TuningDecision<Value>?
    /// Whether somebody set the value by hand: then decisions are made and shown, and change nothing.
    public private(set) var isPinned = false
    private var hasLearned = false

    public init(initial: Value) {
        value = initial
    }

    /// Sets the value until ``unpin()``. The controller goes on measuring, so that what it would do can be read.
    public mutating func pin(_ value: Value) {
        self.value = value
        isPinned = true
    }

    /// Lets the controller move the value again, with its next decision.
    public mutating func unpin() { isPinned = false }

    mutating func decide(_ value: Value, _ reason: TuningReason, at now: MonotonicInstant) {
        lastDecision = TuningDecision(value: value, reason: reason, instant: now)
        guard !isPinned else { return }
        self.value = value
        hasLearned = true
    }

    /// The line about this value in a description.
    package func described(as name: String) -> SettingDescription {
        Setting(value, from: isPinned ? .user : hasLearned ? .learned : .default).described(as: name)
    }
}

/// What a controller decided last.
public struct TuningDecision<Value: Hashable & Sendable>: Sendable, Hashable {
    /// What it wanted; in force unless the value is pinned.
    public let value: Value
    public let reason: TuningReason
    public let instant: MonotonicInstant
}

/// Why a controller decided as it did, of all controllers.
public enum TuningReason: String, Sendable, Hashable {
    /// Too little was measured to know.
    case fewSamples
    /// The value is the percentile that was asked for.
    case percentile
    /// More or less than this is not allowed.
    case bounded
    /// The dependency queues little: there is room for more.
    case shortQueue
    /// The queue is neither short nor long.
    case steadyQueue
    /// The dependency queues much.
    case longQueue
    /// More in flight did not bring more through.
    case throughputFell
    /// More in flight brought hardly more through, and longer latencies.
    case latencyRose
    /// Timeouts and drops.
    case congestion
    /// The limit is far above what is in use.
    case unused
    /// The goal was kept.
    case underGoal
    /// The goal was missed.
    case overGoal
    /// Of all candidates it would have cost least.
    case cheapest
    /// The median has moved: everything is slow.
    case medianMoved
}
