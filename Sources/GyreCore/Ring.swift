internal import CGyre

/// A bounded lock-free queue for any number of producers and consumers.
///
/// First in, first out. The capacity asked for is the number that fits, from 2 up. Nothing is allocated after
/// creation: the elements live in slots of the ring, and 31-bit handles of them travel through it.
///
/// ```swift
/// let ring = try Ring<Message>(capacity: 1_000)
/// switch ring.tryPush(message) {
/// case .pushed: break
/// case .full: …   // the message is still yours
/// case .closed: …
/// }
/// ```
///
/// - Concurrency: ``tryPush(_:)``, ``tryPop()`` and ``close()`` are lock-free from any thread. "Empty" and "drained"
///   are exact; so is "full" for the first 64 threads that live at the same time and use rings, and for others while at
///   most 16 of them are in a call.
/// - Memory: 8 bytes and one element a slot, 80 elements beyond the capacity, and 4.9 KB.
///
/// `@unchecked Sendable`: an element belongs to the thread that has its place in hands, which the ring hands over.
public final class Ring<Element: Sendable>: @unchecked Sendable {
    /// What became of a push.
    public enum PushResult: Sendable, Equatable {
        case pushed
        /// Nothing was stored.
        case full
        /// Nothing was stored, and nothing will be.
        case closed
    }

    /// What became of a pop.
    public enum PopResult: Sendable {
        case popped(Element)
        /// Nothing there; more may come.
        case empty
        /// Closed, and everything that was pushed has been popped.
        case drained

        /// The element, if there was one.
        public var element: Element? {
            if case .popped(let element) = self { return element }
            return nil
        }
    }

    /// How many elements fit.
    public let capacity: Int
    @usableFromInline let slab: Slab
    @usableFromInline let places: UnsafeMutablePointer<Element>

    /// - Throws: ``ConfigurationError`` for a capacity outside 2 to 2^29, or when memory is out.
    public init(capacity: Int) throws(ConfigurationError) {
        slab = try Slab(capacity: capacity)
        self.capacity = capacity
        places = .allocate(capacity: slab.placeCount)
    }

    deinit {
        while case .popped = tryPop() {}
        places.deallocate()
        slab.destroy()
    }

    // Inlinable, as pop is: a loop over a ring of known elements has no generic code in it then. (`ring/word64 1p1c`,
    // gyre-swift.)

    /// Appends `element`, unless the ring is full or closed.
    @inlinable
    public func tryPush(_ element: Element) -> PushResult {
        guard let place = slab.take() else { return slab.isClosed ? .closed : .full }
        (places + Int(place)).initialize(to: element)
        let verdict = slab.push(place)
        if verdict == .done { return .pushed }
        (places + Int(place)).deinitialize(count: 1)
        slab.give(place)
        return verdict == .closed ? .closed : .full
    }

    /// Removes the oldest element.
    @inlinable
    public func tryPop() -> PopResult {
        var place: UInt32 = 0
        let verdict = slab.pop(&place)
        guard verdict == .done else { return verdict == .closed ? .drained : .empty }
        let element = (places + Int(place)).move()
        slab.give(place)
        return .popped(element)
    }

    /// From now on pushes are refused; what is in can still be popped. False when the ring was closed before.
    @discardableResult
    public func close() -> Bool { slab.close() }

    /// Number of elements: exact when nobody pushes or pops, else near. Wait-free, O(1); O(capacity) after
    /// a stall.
    public var approximateCount: Int { slab.approximateCount }
}

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
