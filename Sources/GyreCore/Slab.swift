internal import CGyre

/// What a ring of elements does that knows nothing of elements: `gyre_slab.h`, by place. The ring has the places.
///
/// Calls from inlinable code end here, because C is an internal import.
@usableFromInline
struct Slab: @unchecked Sendable {
    /// What became of a call.
    @usableFromInline
    enum Verdict {
        case done
        /// Full, of a push; empty, of a pop.
        case refused
        /// Closed, of a push; drained, of a pop.
        case closed

        init(_ result: gyre_ring_result) {
            switch result {
            case GYRE_RING_OK: self = .done
            case GYRE_RING_CLOSED, GYRE_RING_DRAINED: self = .closed
            default: self = .refused
            }
        }
    }

    /// `@unchecked Sendable` for its sake: the ring behind it is lock-free, and its owner destroys it last.
    private let slab: OpaquePointer
    /// How many places the owner must have.
    let placeCount: Int

    init(capacity: Int) throws(ConfigurationError) {
        guard (2...(1 << 29)).contains(capacity) else {
            throw ConfigurationError(field: "capacity", reason: "\(capacity) is outside 2...\(1 << 29)")
        }
        guard let slab = gyre_slab_create(UInt32(capacity)) else {
            throw ConfigurationError(field: "capacity", reason: "no memory for \(capacity) slots; ask for fewer")
        }
        self.slab = slab
        placeCount = Int(gyre_slab_places(UInt32(capacity)))
    }

    func destroy() { gyre_slab_destroy(slab) }

    /// A place for an element to be pushed; `nil` when none is to be had.
    @usableFromInline
    func take() -> UInt32? {
        var place: UInt32 = 0
        return gyre_slab_take(slab, &place) ? place : nil
    }

    /// Appends the element in `place`; unless it is done, the place is still the caller's.
    @usableFromInline
    func push(_ place: UInt32) -> Verdict { Verdict(gyre_slab_push(slab, place)) }

    /// Appends the element in `place`: `nil` when the ring is closed and the place still the caller's; else whether it
    /// went in place of the oldest, which is then in `place`, to be moved out before the place is given back.
    func pushOver(_ place: inout UInt32) -> Bool? {
        let result = gyre_slab_push_over(slab, &place)
        return result == GYRE_RING_CLOSED ? nil : result == GYRE_RING_REPLACED
    }

    /// Removes the oldest element: it is in `place`, to be moved out before the place is given back.
    @usableFromInline
    func pop(_ place: inout UInt32) -> Verdict { Verdict(gyre_slab_pop(slab, &place)) }

    @usableFromInline
    func give(_ place: UInt32) { gyre_slab_give(slab, place) }

    func close() -> Bool { gyre_ring_close(gyre_slab_ring(slab)) }

    @usableFromInline
    var isClosed: Bool { gyre_ring_is_closed(gyre_slab_ring(slab)) }

    var hasItem: Bool { gyre_ring_has_item(gyre_slab_ring(slab)) }
    var approximateCount: Int { Int(gyre_ring_size_approximate(gyre_slab_ring(slab))) }
}
