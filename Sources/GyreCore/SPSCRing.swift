internal import CGyre
internal import Synchronization

/// A bounded queue for one producer and one consumer: the fastest of the rings, and the one with no spare elements.
///
/// First in, first out. The ring itself can neither push nor pop. It has two *ends*, each of which it hands out once at
/// a time; an end can be neither copied nor shared, so a second producer does not compile, or is refused where it asks.
///
/// ```swift
/// let ring = try SPSCRing<Message>(capacity: 1_000)
/// // on one thread or in one task
/// guard let producer = ring.producer() else { … }
/// _ = producer.tryPush(message)
/// producer.close()
/// // on another one
/// guard let consumer = ring.consumer() else { … }
/// while case .popped(let message) = consumer.tryPop() { … }
/// ```
///
/// - Concurrency: Pushing, popping and closing are wait-free. "Full", "empty" and "drained" are exact for whatever
///   happened before the call; by the clock, a push or a pop may be seen some nanoseconds after it returned. An end may
///   be handed on to another thread or task, as the compiler allows it, or ended and asked for anew.
/// - Memory: one element a slot, and 0.2 KB.
///
/// `@unchecked Sendable`: only ends touch the elements, of which there is one of each kind at a time.
public final class SPSCRing<Element: Sendable>: @unchecked Sendable {
    /// How many elements fit.
    public let capacity: Int
    @usableFromInline let queue: OneToOne
    @usableFromInline let places: UnsafeMutablePointer<Element>
    private let producerIsOut = Atomic<Bool>(false)
    private let consumerIsOut = Atomic<Bool>(false)

    /// - Throws: ``ConfigurationError`` for a capacity outside 1 to 2^30, or when memory is out.
    public init(capacity: Int) throws(ConfigurationError) {
        queue = try OneToOne(capacity: capacity)
        self.capacity = capacity
        places = .allocate(capacity: capacity)
    }

    deinit {
        while let run = queue.stock(capacity).run {
            (places + run.lowerBound).deinitialize(count: run.count)
            queue.release(run.count)
        }
        places.deallocate()
        queue.destroy()
    }

    /// The end that pushes, or `nil` while somebody else has it.
    public func producer() -> Producer? {
        // What the last producer did comes before what this one does; the same in `consumer()`.
        guard !producerIsOut.exchange(true, ordering: .acquiring) else { return nil }
        return Producer(ring: self)
    }

    /// The end that pops, or `nil` while somebody else has it.
    public func consumer() -> Consumer? {
        guard !consumerIsOut.exchange(true, ordering: .acquiring) else { return nil }
        return Consumer(ring: self)
    }

    /// Whether the producer closed the ring.
    public var isClosed: Bool { queue.isClosed }

    /// Number of elements: exact when nobody pushes or pops, else near. Wait-free, O(1).
    public var approximateCount: Int { queue.approximateCount }

    /// The end that pushes. It closes nothing when it ends: another producer may come.
    public struct Producer: ~Copyable {
        @usableFromInline let ring: SPSCRing

        deinit { ring.producerIsOut.store(false, ordering: .releasing) }

        /// Appends `element`, unless the ring is full or closed.
        @inlinable
        public func tryPush(_ element: Element) -> Ring<Element>.PushResult {
            let room = ring.queue.room(1)
            guard let run = room.run else { return room.isClosed ? .closed : .full }
            (ring.places + run.lowerBound).initialize(to: element)
            ring.queue.publish(1)
            return .pushed
        }

        /// Appends as many of the first elements as there is room for, in their order. The consumer may see the first
        /// of them before the last.
        @inlinable
        public func tryPush(contentsOf elements: Span<Element>) -> Ring<Element>.BatchPushResult {
            var pushed = 0
            while pushed < elements.count {
                let room = ring.queue.room(elements.count - pushed)
                guard let run = room.run else {
                    return pushed > 0 ? .pushed(pushed) : room.isClosed ? .closed : .full
                }
                for offset in 0..<run.count {
                    (ring.places + run.lowerBound + offset).initialize(to: elements[pushed + offset])
                }
                ring.queue.publish(run.count)
                pushed += run.count
            }
            return .pushed(pushed)
        }

        /// From now on pushes are refused; what is in can still be popped. False when the ring was closed before.
        @discardableResult
        public func close() -> Bool { ring.queue.close() }
    }

    /// The end that pops.
    public struct Consumer: ~Copyable {
        @usableFromInline let ring: SPSCRing

        deinit { ring.consumerIsOut.store(false, ordering: .releasing) }

        /// Removes the oldest element.
        @inlinable
        public func tryPop() -> Ring<Element>.PopResult {
            let stock = ring.queue.stock(1)
            guard let run = stock.run else { return stock.isClosed ? .drained : .empty }
            let element = (ring.places + run.lowerBound).move()
            ring.queue.release(1)
            return .popped(element)
        }

        /// Removes up to `count` of the oldest elements and appends them to `elements`.
        @inlinable
        public func tryPop(upTo count: Int, into elements: inout [Element]) -> Ring<Element>.BatchPopResult {
            var popped = 0
            while popped < count {
                let stock = ring.queue.stock(count - popped)
                guard let run = stock.run else {
                    return popped > 0 ? .popped(popped) : stock.isClosed ? .drained : .empty
                }
                for place in run { elements.append((ring.places + place).move()) }
                ring.queue.release(run.count)
                popped += run.count
            }
            return .popped(popped)
        }
    }
}

// An end is of one thread or task at a time, which may hand it on.
@available(*, unavailable)
extension SPSCRing.Producer: Sendable {}
@available(*, unavailable)
extension SPSCRing.Consumer: Sendable {}

/// `gyre_spsc.h`, by index. Calls from inlinable code end here, because C is an internal import.
@usableFromInline
struct OneToOne: @unchecked Sendable {
    /// Places one after the other, or why there are none.
    @usableFromInline
    struct Places {
        @usableFromInline let run: Range<Int>?
        @usableFromInline let isClosed: Bool

        init(_ result: gyre_ring_result, _ index: UInt32, _ count: UInt32) {
            run = result == GYRE_RING_OK ? Int(index)..<Int(index + count) : nil
            isClosed = result == GYRE_RING_CLOSED || result == GYRE_RING_DRAINED
        }
    }

    /// `@unchecked Sendable` for its sake: each end of it has one user, and its owner destroys it last.
    private let ring: OpaquePointer

    init(capacity: Int) throws(ConfigurationError) {
        guard (1...(1 << 30)).contains(capacity) else {
            throw ConfigurationError(field: "capacity", reason: "\(capacity) is outside 1...\(1 << 30)")
        }
        guard let ring = gyre_spsc_create(UInt32(capacity)) else {
            throw ConfigurationError(field: "capacity", reason: "no memory for \(capacity) slots; ask for fewer")
        }
        self.ring = ring
    }

    func destroy() { gyre_spsc_destroy(ring) }

    @usableFromInline
    func room(_ count: Int) -> Places {
        var index: UInt32 = 0
        var free: UInt32 = 0
        return Places(gyre_spsc_room(ring, UInt32(clamping: count), &index, &free), index, free)
    }

    @usableFromInline
    func publish(_ count: Int) { gyre_spsc_publish(ring, UInt32(count)) }

    @usableFromInline
    func stock(_ count: Int) -> Places {
        var index: UInt32 = 0
        var there: UInt32 = 0
        return Places(gyre_spsc_stock(ring, UInt32(clamping: count), &index, &there), index, there)
    }

    @usableFromInline
    func release(_ count: Int) { gyre_spsc_release(ring, UInt32(count)) }

    @usableFromInline
    func close() -> Bool { gyre_spsc_close(ring) }

    var isClosed: Bool { gyre_spsc_is_closed(ring) }
    var approximateCount: Int { Int(gyre_spsc_size_approximate(ring)) }
}
