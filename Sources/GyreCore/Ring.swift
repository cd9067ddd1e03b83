internal import Synchronization

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
/// Many elements at once travel cheaper as *batches* of up to 32, in a lane of their own that is asked for with the
/// ring: ``tryPush(contentsOf:)`` and ``tryPop(upTo:into:)``. A ring with a lane is two queues, and promises less than
/// one: see there.
///
/// ``SPSCRing`` and ``MPSCRing`` are for fewer producers and consumers, and faster.
///
/// - Concurrency: Pushing, popping and closing are lock-free from any thread. "Drained" is exact; "empty" and "full"
///   are exact for the first 64 threads that live at the same time and use rings, and for others while at most 16 of
///   them are in a call.
/// - Memory: 8 bytes and one element a slot, 80 elements beyond the capacity, and 4.7 KB. A lane has 12 bytes and 32
///   elements for each batch, 80 batches beyond its capacity, and 5 KB.
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

    /// How many elements fit, those in batches not counted.
    public let capacity: Int
    /// How many batches fit, of up to 32 elements each; 0 without a lane.
    public let batchCapacity: Int
    @usableFromInline let slab: Slab
    @usableFromInline let places: UnsafeMutablePointer<Element>
    @usableFromInline let lane: BatchLane?
    private let turns = Atomic<UInt32>(0)

    /// - Parameters:
    ///   - capacity: How many elements fit.
    ///   - batchCapacity: How many batches fit beside them: 0 for no lane, or 2 to 2^20.
    /// - Throws: ``ConfigurationError`` for a capacity outside 2 to 2^29, a number of batches that is none of those, or
    ///   when memory is out.
    public init(capacity: Int, batchCapacity: Int = 0) throws(ConfigurationError) {
        let slab = try Slab(capacity: capacity)
        do {
            lane = batchCapacity == 0 ? nil : try BatchLane(capacity: batchCapacity, of: Element.self)
        } catch {
            slab.destroy()
            throw error
        }
        self.slab = slab
        self.capacity = capacity
        self.batchCapacity = batchCapacity
        places = .allocate(capacity: slab.placeCount)
    }

    deinit {
        while case .popped = tryPop() {}
        places.deallocate()
        slab.destroy()
        lane?.destroy()
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

    /// Removes the oldest element. With a lane: the oldest of those that were pushed by themselves or, if there is none
    /// or it is the turn of batches, the first of the oldest batch.
    @inlinable
    public func tryPop() -> PopResult {
        if let lane { return tryPopOne(lane) }
        return popSingle()
    }

    @inlinable
    func popSingle() -> PopResult {
        var place: UInt32 = 0
        let verdict = slab.pop(&place)
        guard verdict == .done else { return verdict == .closed ? .drained : .empty }
        let element = (places + Int(place)).move()
        slab.give(place)
        return .popped(element)
    }

    /// From now on pushes are refused; what is in can still be popped. False when the ring was closed before.
    @discardableResult
    public func close() -> Bool {
        let isFirst = slab.close()
        if let lane { _ = lane.close() }
        return isFirst
    }

    /// Number of elements, those in batches not counted: exact when nobody pushes or pops, else near. Wait-free, O(1);
    /// O(capacity) after a stall.
    public var approximateCount: Int { slab.approximateCount }

    /// Whether a pop looks at the lane first: in turns while both queues have something, else as its caller would
    /// rather.
    @usableFromInline
    func takesBatch(_ lane: BatchLane, otherwise: Bool) -> Bool {
        guard slab.hasItem, lane.hasItem else { return otherwise }
        return turns.wrappingAdd(1, ordering: .relaxed).oldValue.isMultiple(of: 2)
    }

    /// Number of batches, those that are popped in part counted whole: as ``approximateCount``.
    public var approximateBatchCount: Int { lane?.approximateCount ?? 0 }
}
