internal import CGyre

/// How urgent a task is compared with others of the same pool.
///
/// A worker takes high before normal before low before background. So that nothing starves, every 64th turn of each
/// worker begins at another queue, the lower lanes among them: the oldest task of any lane starts within 448 turns of
/// one worker.
public enum Lane: UInt32, Sendable, CaseIterable, Comparable {
    case high = 0
    case normal = 1
    case low = 2
    case background = 3

    public static func < (left: Lane, right: Lane) -> Bool { left.rawValue < right.rawValue }
}
