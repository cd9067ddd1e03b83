internal import CGyre

/// A ring of 31-bit handles: what a ``Ring`` is made of, for those whose elements are handles. Half the cost of a
/// ring of elements.
///
/// `@unchecked Sendable`: the ring is lock-free.
public final class HandleRing: @unchecked Sendable {
    /// The largest handle.
    public static let handleMax = UInt32(Int32.max)

    public let capacity: Int
    private let storage: RingStorage

    /// - Throws: ``ConfigurationError`` for a capacity outside 2 to 2^30, or when memory is out.
    public init(capacity: Int) throws(ConfigurationError) {
        guard (2...(1 << 30)).contains(capacity) else {
            throw ConfigurationError(field: "capacity", reason: "\(capacity) is outside 2...\(1 << 30)")
        }
        guard let storage = RingStorage(capacity: capacity) else {
            throw ConfigurationError(field: "capacity", reason: "no memory for \(capacity) slots; ask for fewer")
        }
        self.capacity = capacity
        self.storage = storage
    }

    /// Appends `handle`, unless the ring is full or closed.
    public func tryPush(_ handle: UInt32) -> Ring<UInt32>.PushResult {
        precondition(handle <= Self.handleMax, "a handle has 31 bits")
        switch gyre_ring_try_push(storage.ring, handle) {
        case GYRE_RING_OK: return .pushed
        case GYRE_RING_CLOSED: return .closed
        default: return .full
        }
    }

    /// Appends `handle`, to a full ring in place of its oldest handle.
    public func pushReplacingOldest(_ handle: UInt32) -> Ring<UInt32>.ReplaceResult {
        precondition(handle <= Self.handleMax, "a handle has 31 bits")
        var oldest: UInt32 = 0
        switch gyre_ring_push_over(storage.ring, handle, &oldest) {
        case GYRE_RING_OK: return .pushed
        case GYRE_RING_REPLACED: return .replaced(oldest)
        default: return .closed
        }
    }

    /// Removes the oldest handle.
    public func tryPop() -> Ring<UInt32>.PopResult {
        var handle: UInt32 = 0
        switch gyre_ring_try_pop(storage.ring, &handle) {
        case GYRE_RING_OK: return .popped(handle)
        case GYRE_RING_DRAINED: return .drained
        default: return .empty
        }
    }

    /// From now on pushes are refused; what is in can still be popped. False when the ring was closed before.
    @discardableResult
    public func close() -> Bool { gyre_ring_close(storage.ring) }

    /// Number of handles: exact when nobody pushes or pops, else near. Wait-free, O(1); O(capacity) after
    /// a stall.
    public var approximateCount: Int { Int(gyre_ring_size_approximate(storage.ring)) }
}

/// Owns a ring of CGyre.
private final class RingStorage: @unchecked Sendable {
    let ring: OpaquePointer

    init?(capacity: Int) {
        guard let ring = gyre_ring_create(UInt32(capacity)) else { return nil }
        self.ring = ring
    }

    deinit { gyre_ring_destroy(ring) }
}
