internal import CGyre
internal import Synchronization

/// A bounded lock-free queue for any number of producers and one consumer.
///
/// First in, first out. Anybody pushes and closes; popping needs the one *end* that the ring hands out, once at a time.
/// An end can be neither copied nor shared, so a second consumer does not compile, or is refused where it asks.
///
/// ```swift
/// let ring = try MPSCRing<Message>(capacity: 1_000)
/// // anywhere
/// _ = ring.tryPush(message)
/// // on one thread or in one task
/// guard let consumer = ring.consumer() else { … }
/// while case .popped(let message) = consumer.tryPop() { … }
/// ```
///
/// - Concurrency: ``tryPush(_:)`` is lock-free, ``close()`` and ``Consumer/tryPop()`` are wait-free; a pop that finds
///   the ring closed may be held up by a push under way, once a slot. "Empty" and "drained" are exact; so is "full" for
///   the first 64 threads that live at the same time and use rings, and for others while at most 16 of them are in a
///   call. Exact means: for whatever happened before the call; by the clock, a pop may be seen some nanoseconds after
///   it returned.
/// - Memory: 8 bytes and one element a slot, 81 elements beyond the capacity, and 4.8 KB.
///
/// `@unchecked Sendable`: an element belongs to the thread that has its place in hands, which the ring hands over.
public final class MPSCRing<Element: Sendable>: @unchecked Sendable {
    /// How many elements fit.
    public let capacity: Int
    @usableFromInline let queue: ManyToOne
    @usableFromInline let places: UnsafeMutablePointer<Element>
    private let consumerIsOut = Atomic<Bool>(false)

    /// - Throws: ``ConfigurationError`` for a capacity outside 2 to 2^29, or when memory is out.
    public init(capacity: Int) throws(ConfigurationError) {
        queue = try ManyToOne(capacity: capacity)
        self.capacity = capacity
        places = .allocate(capacity: queue.placeCount)
    }

    deinit {
        var place: UInt32 = 0
        while queue.pop(&place) == .done {
            (places + Int(place)).deinitialize(count: 1)
            queue.release(place)
        }
        places.deallocate()
        queue.destroy()
    }

    /// Appends `element`, unless the ring is full or closed.
    @inlinable
    public func tryPush(_ element: Element) -> Ring<Element>.PushResult {
        var place: UInt32 = 0
        var verdict = queue.take(&place)
        if verdict == .done {
            (places + Int(place)).initialize(to: element)
            verdict = queue.push(place)
            if verdict == .done { return .pushed }
            (places + Int(place)).deinitialize(count: 1)
            queue.give(place)
        }
        return verdict == .closed ? .closed : .full
    }

    /// The end that pops, or `nil` while somebody else has it.
    public func consumer() -> Consumer? {
        // What the last consumer did comes before what this one does.
        guard !consumerIsOut.exchange(true, ordering: .acquiring) else { return nil }
        return Consumer(ring: self)
    }

    /// From now on pushes are refused; what is in can still be popped. False when the ring was closed before.
    @discardableResult
    public func close() -> Bool { queue.close() }

    /// Whether the ring is closed.
    public var isClosed: Bool { queue.isClosed }

    /// Number of elements: exact when nobody pushes or pops, else near. Wait-free, O(1); O(capacity) after
    /// a stall.
    public var approximateCount: Int { queue.approximateCount }

    /// The end that pops.
    public struct Consumer: ~Copyable {
        @usableFromInline let ring: MPSCRing

        deinit { ring.consumerIsOut.store(false, ordering: .releasing) }

        /// Removes the oldest element.
        @inlinable
        public func tryPop() -> Ring<Element>.PopResult {
            var place: UInt32 = 0
            let verdict = ring.queue.pop(&place)
            guard verdict == .done else { return verdict == .closed ? .drained : .empty }
            let element = (ring.places + Int(place)).move()
            ring.queue.release(place)
            return .popped(element)
        }
    }
}

// An end is of one thread or task at a time, which may hand it on.
@available(*, unavailable)
extension MPSCRing.Consumer: Sendable {}

/// `gyre_mpsc.h`, by place. Calls from inlinable code end here, because C is an internal import.
@usableFromInline
struct ManyToOne: @unchecked Sendable {
    /// `@unchecked Sendable` for its sake: lock-free for producers, with one consumer; its owner destroys it last.
    private let ring: OpaquePointer
    /// How many places the owner must have.
    let placeCount: Int

    init(capacity: Int) throws(ConfigurationError) {
        guard (2...(1 << 29)).contains(capacity) else {
            throw ConfigurationError(field: "capacity", reason: "\(capacity) is outside 2...\(1 << 29)")
        }
        guard let ring = gyre_mpsc_create(UInt32(capacity)) else {
            throw ConfigurationError(field: "capacity", reason: "no memory for \(capacity) slots; ask for fewer")
        }
        self.ring = ring
        placeCount = Int(gyre_mpsc_places(UInt32(capacity)))
    }

    func destroy() { gyre_mpsc_destroy(ring) }

    /// A place for an element to be pushed.
    @usableFromInline
    func take(_ place: inout UInt32) -> Slab.Verdict { Slab.Verdict(gyre_mpsc_take(ring, &place)) }

    /// Appends the element in `place`; unless it is done, the place is still the caller's.
    @usableFromInline
    func push(_ place: UInt32) -> Slab.Verdict { Slab.Verdict(gyre_mpsc_push(ring, place)) }

    @usableFromInline
    func give(_ place: UInt32) { gyre_mpsc_give(ring, place) }

    /// Removes the oldest element: it is in `place`, to be moved out before the place is released.
    @usableFromInline
    func pop(_ place: inout UInt32) -> Slab.Verdict { Slab.Verdict(gyre_mpsc_pop(ring, &place)) }

    @usableFromInline
    func release(_ place: UInt32) { gyre_mpsc_release(ring, place) }

    func close() -> Bool { gyre_mpsc_close(ring) }
    var isClosed: Bool { gyre_mpsc_is_closed(ring) }
    var approximateCount: Int { Int(gyre_mpsc_size_approximate(ring)) }
}
