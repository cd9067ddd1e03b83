public import GyreCore

/// How urgent a task is among those that wait for the same dependency: one of eight levels, 0 the most urgent.
///
/// Two of them share a lane of the pool, so that what is urgent here is urgent there.
public struct PriorityClass: Sendable, Hashable, Comparable, BitwiseCopyable {
    /// 0 to 7.
    public let level: UInt8

    /// The class with this level; levels above 7 are 7.
    public init(level: UInt8) {
        self.level = min(level, 7)
    }

    /// The first of the two classes of a lane.
    public init(_ lane: Lane) {
        self.init(level: UInt8(lane.rawValue) * 2)
    }

    /// Level 0, the first of the lane `high`.
    public static let highest = PriorityClass(.high)
    /// Level 2, the first of the lane `normal`. Tasks that say nothing are here.
    public static let normal = PriorityClass(.normal)
    /// Level 7, the second of the lane `background`.
    public static let lowest = PriorityClass(level: 7)

    static let count = 8

    /// The lane in which a task of this class is dispatched.
    public var lane: Lane {
        switch level / 2 {
        case 0: return .high
        case 1: return .normal
        case 2: return .low
        default: return .background
        }
    }

    public static func < (left: PriorityClass, right: PriorityClass) -> Bool { left.level < right.level }
}
