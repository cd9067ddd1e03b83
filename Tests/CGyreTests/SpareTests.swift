import CGyre
import Testing

/// Places and chunks beyond a ring's capacity, one thread in the part of several: what each number has, what all share,
/// and what happens when nothing is left. RingBatchTests and RingKindTests have the threads.
@Suite struct SpareTests {
    private static let nobody = GYRE_THREAD_NONE

    // MARK: - Limits

    @Test(arguments: [0, 1, GYRE_SLAB_CAPACITY_MAX + 1, .max])
    func capacitiesOutOfRangeGiveNoSlab(capacity: UInt32) {
        #expect(gyre_slab_create(capacity) == nil)
        #expect(gyre_mpsc_create(capacity) == nil)
    }

    @Test(arguments: [0, 1, GYRE_LANE_CAPACITY_MAX + 1, .max])
    func capacitiesOutOfRangeGiveNoLane(capacity: UInt32) {
        #expect(gyre_lane_create(capacity, 8) == nil)
    }

    /// The largest that are let through have more bytes in all than an address has.
    @Test(arguments: [Int.max, Int.max / 2_048 + 1, Int.max / 2_048])
    func elementsThatFitNoMemoryGiveNoLane(bytes: Int) {
        #expect(gyre_lane_create(GYRE_LANE_CAPACITY_MAX, bytes) == nil)
    }

    @Test(arguments: [0, GYRE_RING_CAPACITY_MAX + 1, .max])
    func capacitiesOutOfRangeGiveNoRingForTwo(capacity: UInt32) {
        #expect(gyre_spsc_create(capacity) == nil)
    }

    @Test func nothingIsDestroyedWithoutHarm() {
        gyre_slab_destroy(nil)
        gyre_mpsc_destroy(nil)
        gyre_lane_destroy(nil)
        gyre_spsc_destroy(nil)
    }

    // MARK: - Places

    /// Threads without a number share places; with all of them in hands a slab is full, and empty, until one comes
    /// back.
    @Test func placesThatAreSharedRunOutAndComeBack() throws {
        let slab = try #require(gyre_slab_create(2))
        defer { gyre_slab_destroy(slab) }
        var taken: [UInt32] = []
        var place: UInt32 = 0
        while gyre_slab_take_as(slab, Self.nobody, &place) { taken.append(place) }
        #expect(taken.count == 16)
        #expect(Set(taken).count == taken.count)
        #expect(gyre_slab_pop_as(slab, Self.nobody, &place) == GYRE_RING_EMPTY)
        for one in taken.reversed() { gyre_slab_give_as(slab, Self.nobody, one) }
        var again: Set<UInt32> = []
        while gyre_slab_take_as(slab, Self.nobody, &place) { again.insert(place) }
        #expect(again == Set(taken))
    }

    /// Every place is in one slot, one pair of hands or one word, whoever pushes and pops.
    @Test func aThreadWithANumberKeepsItsPlace() throws {
        let slab = try #require(gyre_slab_create(2))
        defer { gyre_slab_destroy(slab) }
        var place: UInt32 = 0
        for round in 0..<200 {
            let pusher: UInt32 = round % 3 == 0 ? Self.nobody : 0
            let popper: UInt32 = round % 2 == 0 ? Self.nobody : 1
            #expect(gyre_slab_take_as(slab, pusher, &place))
            let pushed = place
            #expect(gyre_slab_push_as(slab, pusher, place) == GYRE_RING_OK)
            #expect(gyre_slab_pop_as(slab, popper, &place) == GYRE_RING_OK)
            #expect(place == pushed)
            gyre_slab_give_as(slab, popper, place)
        }
        #expect(gyre_slab_pop_as(slab, 0, &place) == GYRE_RING_EMPTY)
    }

    /// A producer that finds no place has room to wait for, and not a ring that is closed.
    @Test func producersWithoutAPlaceAreToldFull() throws {
        let ring = try #require(gyre_mpsc_create(2))
        defer { gyre_mpsc_destroy(ring) }
        var place: UInt32 = 0
        var taken: [UInt32] = []
        while gyre_mpsc_take_as(ring, Self.nobody, &place) == GYRE_RING_OK { taken.append(place) }
        #expect(taken.count == 16)
        #expect(gyre_mpsc_take_as(ring, Self.nobody, &place) == GYRE_RING_FULL)
        gyre_mpsc_give_as(ring, Self.nobody, taken[0])
        #expect(gyre_mpsc_take_as(ring, Self.nobody, &place) == GYRE_RING_OK)
        #expect(place == taken[0])
        #expect(gyre_mpsc_close(ring))
        #expect(gyre_mpsc_take_as(ring, Self.nobody, &place) == GYRE_RING_CLOSED)
    }

    // MARK: - Chunks

    /// The chunk of a batch that several took goes to whoever is done last: into its own word if that is empty, else to
    /// those that all share.
    @Test(arguments: [0, 1, GYRE_THREAD_NONE])
    func theChunkOfASplitBatchIsKeptByTheLast(last: UInt32) throws {
        let lane = try #require(gyre_lane_create(2, 8))
        defer { gyre_lane_destroy(lane) }
        for _ in 0..<500 {
            var chunk: UInt32 = 0
            #expect(gyre_lane_take_as(lane, 0, &chunk))
            #expect(gyre_lane_push_as(lane, 0, chunk, 4) == GYRE_RING_OK)
            var front = gyre_batch()
            var back = gyre_batch()
            #expect(gyre_lane_pop_as(lane, 0, 3, &front) == GYRE_RING_OK)
            #expect(gyre_lane_pop_as(lane, 0, 3, &back) == GYRE_RING_OK)
            #expect([front.offset, front.count, back.offset, back.count] == [0, 3, 3, 1])
            #expect([front.chunk, back.chunk] == [chunk, chunk])
            gyre_lane_finish_as(lane, 0, &front)
            gyre_lane_finish_as(lane, last, &back)
        }
    }

    /// With its own chunk given for a split batch a thread takes from those that are shared, and is told full and empty
    /// when these are in hands.
    @Test func aThreadWithoutItsChunkTakesOneOfThoseShared() throws {
        let lane = try #require(gyre_lane_create(2, 8))
        defer { gyre_lane_destroy(lane) }
        var chunk: UInt32 = 0
        var part = gyre_batch()
        var parts: [gyre_batch] = []
        #expect(gyre_lane_take_as(lane, 0, &chunk))
        #expect(gyre_lane_push_as(lane, 0, chunk, 2) == GYRE_RING_OK)
        for _ in 0..<2 {
            #expect(gyre_lane_pop_as(lane, 0, 1, &part) == GYRE_RING_OK)
            parts.append(part)
        }
        var taken: [UInt32] = []
        while gyre_lane_take_as(lane, Self.nobody, &chunk) { taken.append(chunk) }
        #expect(taken.count == 16)
        #expect(!gyre_lane_take_as(lane, 0, &chunk))
        #expect(gyre_lane_pop_as(lane, 0, 1, &part) == GYRE_RING_EMPTY)
        gyre_lane_give_as(lane, Self.nobody, taken[0])
        #expect(gyre_lane_take_as(lane, 0, &chunk))
        #expect(chunk == taken[0])
        gyre_lane_give_as(lane, 0, chunk)
        for var part in parts { gyre_lane_finish_as(lane, 0, &part) }
        #expect(gyre_lane_take_as(lane, Self.nobody, &chunk), "the split one came to those that are shared")
    }

    /// The last part may have been taken by a thread without a number, which has no chunk of its own to give.
    @Test func whoHasNoNumberSplitsAsWell() throws {
        let lane = try #require(gyre_lane_create(2, 8))
        defer { gyre_lane_destroy(lane) }
        for _ in 0..<500 {
            var chunk: UInt32 = 0
            var part = gyre_batch()
            #expect(gyre_lane_take_as(lane, Self.nobody, &chunk))
            #expect(gyre_lane_push_as(lane, Self.nobody, chunk, 3) == GYRE_RING_OK)
            for _ in 0..<3 {
                #expect(gyre_lane_pop_as(lane, Self.nobody, 1, &part) == GYRE_RING_OK)
                gyre_lane_finish_as(lane, Self.nobody, &part)
            }
        }
    }

    // MARK: - One to one

    /// A third thread reads the two ends at two instants.
    @Test func anEstimateStaysWithinTheCapacity() throws {
        let ring = try #require(gyre_spsc_create(3))
        defer { gyre_spsc_destroy(ring) }
        let lines = UnsafeMutableRawPointer(ring)
        func size(tail: UInt64, head: UInt64) -> UInt32 {
            (lines + 64).storeBytes(of: tail * 2, as: UInt64.self)
            (lines + 128).storeBytes(of: head * 2, as: UInt64.self)
            return gyre_spsc_size_approximate(ring)
        }
        #expect(size(tail: 7, head: 5) == 2)
        #expect(size(tail: 9, head: 5) == 3, "pops between the two looks")
        #expect(size(tail: 5, head: 7) == 0, "a tail that is older than the head")
    }
}
