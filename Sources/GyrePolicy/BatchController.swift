public import GyreCore

/// Learns how large batches may be to keep a latency goal: one more while it is kept, a tenth less when it is missed.
///
/// Additive increase and multiplicative decrease as in Clipper (Crankshaw and others, NSDI 2017). The goal is of the
/// 99th percentile, so a decision takes 20 batches and not one: deciding by single batches of size n misses the goal
/// once in n/10 + 1.
///
/// - Complexity: O(1) per batch, O(buckets) per decision.
public struct BatchController: Sendable {
    public let policy: BatchPolicy
    /// How full is full, with the last decision. Without a goal it is the policy's `max`.
    public private(set) var size: TunedValue<Int>
    /// What 99 % of the last batches took at most; 0 as long as nobody knows.
    public private(set) var expectedNanoseconds: UInt64 = 0

    private var exact: Double
    private var window = LatencyHistogram()
    private var wasFull = false

    /// Batches per decision.
    public static let samplesMin: UInt64 = 20

    public init(_ policy: BatchPolicy) {
        self.policy = policy
        exact = policy.goal.value == nil ? Double(policy.max.value) : 1
        size = TunedValue(initial: Int(exact))
    }

    /// A batch has ended.
    ///
    /// - Parameters:
    ///   - wasFull: It went because it was full. Others prove nothing about larger ones.
    public mutating func record(nanoseconds: UInt64, wasFull: Bool, at now: MonotonicInstant) {
        window.record(nanoseconds: nanoseconds)
        self.wasFull = self.wasFull || wasFull
        guard window.count >= Self.samplesMin, let slowest = window.nanoseconds(atPercentile: 99) else { return }
        expectedNanoseconds = slowest
        decide(slowest, at: now)
        window = LatencyHistogram()
        self.wasFull = false
    }

    private mutating func decide(_ slowest: UInt64, at now: MonotonicInstant) {
        guard let goal = policy.goal.value else { return }
        if size.isPinned { exact = Double(size.value) }
        if slowest > goal.wholeNanoseconds {
            exact = max(1, exact * 0.9)
            size.decide(Int(exact), .overGoal, at: now)
        } else if !wasFull {
            size.decide(Int(exact), .unused, at: now)
        } else if exact >= Double(policy.max.value) {
            size.decide(policy.max.value, .bounded, at: now)
        } else {
            exact = min(exact + 1, Double(policy.max.value))
            size.decide(Int(exact), .underGoal, at: now)
        }
    }

    /// Sets the size by hand until ``unpin()``.
    public mutating func pin(_ size: Int) { self.size.pin(min(max(1, size), policy.max.value)) }

    /// Lets the measurements decide again, from the size as it is.
    public mutating func unpin() {
        size.unpin()
        exact = Double(size.value)
    }

    /// The policy, and the size in force.
    public var settings: [SettingDescription] { policy.settings + [size.described(as: "size")] }
}
