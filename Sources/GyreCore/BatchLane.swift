internal import CGyre

/// What a ring's lane of batches does: `gyre_lane.h`, by chunk. Calls from inlinable code end here, because C is an
/// internal import.
@usableFromInline
struct BatchLane: @unchecked Sendable {
    /// Elements of one chunk, in the hands of whoever popped them.
    @usableFromInline
    struct Batch {
        @usableFromInline var chunk: UInt32 = 0
        @usableFromInline var offset = 0
        @usableFromInline var count = 0
        var isWhole = false

        @usableFromInline
        init() {}
    }

    /// `@unchecked Sendable` for its sake: the lane behind it is lock-free, and its owner destroys it last.
    private let lane: OpaquePointer

    init<Element>(capacity: Int, of: Element.Type) throws(ConfigurationError) {
        guard (2...(1 << 20)).contains(capacity) else {
            throw ConfigurationError(
                field: "batchCapacity", reason: "\(capacity) is neither 0 nor within 2...\(1 << 20)")
        }
        guard MemoryLayout<Element>.alignment <= 64 else {
            throw ConfigurationError(
                field: "batchCapacity", reason: "an element that is aligned to more than 64 bytes has no batches")
        }
        guard let lane = gyre_lane_create(UInt32(capacity), MemoryLayout<Element>.stride) else {
            throw ConfigurationError(
                field: "batchCapacity", reason: "no memory for \(capacity) batches; ask for fewer")
        }
        self.lane = lane
        for chunk in 0..<gyre_lane_chunks(UInt32(capacity)) {
            _ = gyre_lane_elements(lane, chunk)?.bindMemory(to: Element.self, capacity: Int(GYRE_BATCH_MAX))
        }
    }

    func destroy() { gyre_lane_destroy(lane) }

    /// A chunk for elements to be pushed; `nil` when none is to be had.
    @usableFromInline
    func take() -> UInt32? {
        var chunk: UInt32 = 0
        return gyre_lane_take(lane, &chunk) ? chunk : nil
    }

    @usableFromInline
    func give(_ chunk: UInt32) { gyre_lane_give(lane, chunk) }

    /// The places of a chunk, which `init` bound to the type of the elements.
    @usableFromInline
    func places<Element>(of: Element.Type, _ chunk: UInt32) -> UnsafeMutablePointer<Element> {
        guard let places = gyre_lane_elements(lane, chunk) else { preconditionFailure("a lane has memory") }
        return places.assumingMemoryBound(to: Element.self)
    }

    /// Appends the first `count` elements in `chunk`; unless it is done, the chunk is still the caller's.
    @usableFromInline
    func push(_ chunk: UInt32, _ count: Int) -> Slab.Verdict {
        Slab.Verdict(gyre_lane_push(lane, chunk, UInt32(count)))
    }

    /// Removes up to `count` elements of the oldest batch, to be moved out before the batch is finished.
    @usableFromInline
    func pop(upTo count: Int, _ batch: inout Batch) -> Slab.Verdict {
        var taken = gyre_batch()
        let verdict = Slab.Verdict(gyre_lane_pop(lane, UInt32(clamping: count), &taken))
        batch.chunk = taken.chunk
        batch.offset = Int(taken.offset)
        batch.count = Int(taken.count)
        batch.isWhole = taken.is_whole
        return verdict
    }

    @usableFromInline
    func finish(_ batch: Batch) {
        var taken = gyre_batch(
            chunk: batch.chunk, offset: UInt32(batch.offset), count: UInt32(batch.count), is_whole: batch.isWhole)
        gyre_lane_finish(lane, &taken)
    }

    func close() -> Bool { gyre_ring_close(gyre_lane_ring(lane)) }

    @usableFromInline
    var isClosed: Bool { gyre_ring_is_closed(gyre_lane_ring(lane)) }

    var hasItem: Bool { gyre_ring_has_item(gyre_lane_ring(lane)) }
    var approximateCount: Int { Int(gyre_ring_size_approximate(gyre_lane_ring(lane))) }
}
