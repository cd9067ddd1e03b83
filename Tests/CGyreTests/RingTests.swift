import CGyre
import Glibc
import Synchronization
import Testing

/// The ring by itself: one thread, every result known beforehand. RingStressTests has the threads.
@Suite struct RingTests {
    /// Laps just before the lap (2^31) and the tag (2^32) wrap, and the beginning.
    static let firstLaps: [UInt32] = [0, (1 << 31) - 2, (1 << 31) - 1, 1 << 31, .max - 1, .max]
    static let capacities: [UInt32] = [2, 3, 5, 7, 8, 31, 64]

    @Test(arguments: [0, 1, GYRE_RING_CAPACITY_MAX + 1, .max]) func capacitiesOutOfRangeGiveNoRing(capacity: UInt32) {
        #expect(gyre_ring_create(capacity) == nil)
        gyre_ring_destroy(nil)
    }

    @Test(arguments: capacities, firstLaps) func exactlyTheCapacityFits(capacity: UInt32, lap: UInt32) {
        let ring = Ring(capacity, firstLap: lap)
        for round: UInt32 in 0..<5 {
            #expect(ring.pop() == .empty)
            #expect(!ring.hasItem)
            for item in 0..<capacity {
                #expect(ring.size == item)
                #expect(ring.push(item + round) == GYRE_RING_OK)
                #expect(ring.hasItem)
            }
            #expect(ring.push(99) == GYRE_RING_FULL)
            #expect(ring.size == capacity)
            for item in 0..<capacity { #expect(ring.pop() == .item(item + round)) }
            #expect(ring.size == 0)
        }
    }

    @Test(arguments: capacities) func aRefusedPushLeavesNothingBehind(capacity: UInt32) {
        let ring = Ring(capacity)
        for item in 0..<capacity { _ = ring.push(item) }
        for _ in 0..<3 { #expect(ring.push(77) == GYRE_RING_FULL) }
        #expect(ring.pop() == .item(0))
        #expect(ring.push(1_000) == GYRE_RING_OK, "the slot that was freed, and no other")
        #expect(ring.push(77) == GYRE_RING_FULL)
        for item in 1..<capacity { #expect(ring.pop() == .item(item)) }
        #expect(ring.pop() == .item(1_000))
        #expect(ring.pop() == .empty)
    }

    @Test(arguments: [0, 1, (1 << 31) - 2, (1 << 31) - 1]) func everyHandleComesBackAsItWas(
        handle: UInt32
    ) {
        let ring = Ring(3)
        #expect(ring.push(handle) == GYRE_RING_OK)
        #expect(ring.pop() == .item(handle))
    }

    /// A thread that stood still between its exchange and its hint leaves an old hint behind when it goes on.
    @Test(arguments: capacities) func theSizeIsExactWithOldHints(capacity: UInt32) {
        let ring = Ring(capacity)
        for item in 0..<(5 * capacity) {
            #expect(ring.push(item) == GYRE_RING_OK)
            #expect(ring.pop() == .item(item))
        }
        for size in 0...capacity {
            ring.setHints(lap: 0)
            #expect(ring.size == size)
            #expect(ring.hasItem == (size > 0))
            _ = ring.push(size)
        }
    }

    /// Random calls against a plain array, over several wraps of lap and tag.
    @Test(arguments: capacities, firstLaps) func everyResultIsThatOfAPlainQueue(capacity: UInt32, lap: UInt32) {
        let seed = UInt64(capacity) << 32 | UInt64(lap)
        var random = SeededGenerator(seed: seed)
        let ring = Ring(capacity, firstLap: lap)
        var model: [UInt32] = []
        for step: UInt32 in 0..<2_000 {
            if random.next() % 100 < (step / 200 % 2 == 0 ? 60 : 40) {
                let isFull = model.count == Int(capacity)
                guard ring.push(step) == (isFull ? GYRE_RING_FULL : GYRE_RING_OK) else {
                    Issue.record("push, step \(step), seed \(seed)")
                    return
                }
                if !isFull { model.append(step) }
            } else {
                let expected = model.isEmpty ? Popped.empty : .item(model.removeFirst())
                guard ring.pop() == expected else {
                    Issue.record("pop, step \(step), seed \(seed)")
                    return
                }
            }
            guard ring.size == model.count, ring.hasItem != model.isEmpty else {
                Issue.record("size, step \(step), seed \(seed)")
                return
            }
        }
    }

    // MARK: - Close

    @Test(arguments: capacities, firstLaps) func closingAnEmptyRingDrainsItAtOnce(capacity: UInt32, lap: UInt32) {
        for before in 0..<capacity + 2 {
            let ring = Ring(capacity, firstLap: lap)
            for item in 0..<before {
                _ = ring.push(item)
                _ = ring.pop()
            }
            #expect(ring.close())
            #expect(!ring.close(), "it is closed already")
            #expect(ring.push(1) == GYRE_RING_CLOSED)
            #expect(ring.pop() == .drained)
            #expect(!ring.hasItem)
        }
    }

    /// The seal lands on a free slot, or on the occupied one that a full ring has at its tail.
    @Test(arguments: capacities, firstLaps) func whatWasPushedBeforeACloseIsPoppedAfterIt(capacity: UInt32, lap: UInt32)
    {
        for held in 1...capacity {
            for shift in 0..<capacity {
                let ring = Ring(capacity, firstLap: lap)
                for item in 0..<shift {
                    _ = ring.push(item)
                    _ = ring.pop()
                }
                let pushes = (0..<held).map { ring.push($0) }
                #expect(ring.close())
                #expect(ring.push(5) == GYRE_RING_CLOSED)
                // An expectation costs more than all these calls, and there are thousands of them.
                var wrong: [UInt32] = []
                for item in 0..<held {
                    let isRight = ring.hasItem && ring.pop() == .item(item) && ring.push(5) == GYRE_RING_CLOSED
                    if !isRight { wrong.append(item) }
                }
                #expect(pushes.allSatisfy { $0 == GYRE_RING_OK })
                #expect(wrong.isEmpty, "each is there, in order, and its room does not open the ring again")
                #expect(ring.pop() == .drained)
                #expect(ring.pop() == .drained)
                #expect(!ring.close())
                #expect(ring.size == 0)
            }
        }
    }

    @Test(arguments: capacities, firstLaps) func whetherItIsClosedIsSaidExactly(capacity: UInt32, lap: UInt32) {
        let ring = Ring(capacity, firstLap: lap)
        for item in 0..<capacity {
            #expect(!ring.isClosed)
            _ = ring.push(item)
        }
        #expect(!ring.isClosed)
        #expect(ring.close())
        #expect(ring.isClosed)
        while case .item = ring.pop() { #expect(ring.isClosed) }
        #expect(ring.isClosed)
    }

    /// The two hints are read one after the other while both move: the estimate stays within what can be.
    @Test func theSizeOfHintsThatDoNotFitTogetherIsOneThatCanBe() {
        let ring = Ring(5)
        ring.setHints(tailLap: 0, headLap: 3)
        #expect(ring.size == 0)
        ring.setHints(tailLap: 3, headLap: 0)
        #expect(ring.size == 5)
    }

    /// A call that begins at an old hint walks on to the truth.
    @Test func oldHintsAreCaughtUpWith() {
        let ring = Ring(5, firstLap: .max)
        for round: UInt32 in 0..<40 {
            for item in 0..<(round % 5 + 1) { #expect(ring.push(item) == GYRE_RING_OK) }
            for item in 0..<(round % 5 + 1) { #expect(ring.pop() == .item(item)) }
        }
        ring.setHints(lap: .max)
        #expect(ring.pop() == .empty)
        #expect(ring.push(7) == GYRE_RING_OK)
        ring.setHints(lap: .max)
        #expect(ring.hasItem)
        #expect(ring.pop() == .item(7))
        ring.setHints(lap: .max)
        #expect(!ring.isClosed)
        ring.setHints(lap: .max)
        #expect(ring.close())
        ring.setHints(lap: .max)
        #expect(ring.isClosed)
        ring.setHints(lap: .max)
        #expect(ring.push(1) == GYRE_RING_CLOSED)
        ring.setHints(lap: .max)
        #expect(ring.pop() == .drained)
    }
}

/// What a pop returned.
enum Popped: Equatable {
    case item(UInt32)
    case empty
    case drained
    case impossible(UInt32)
}

/// A ring in memory of its own.
final class Ring: @unchecked Sendable {  // lock-free by its own account, which is tested
    private let memory: CacheAligned
    private let slots: UnsafeMutablePointer<gyre_atomic_u64>
    let pointer: OpaquePointer

    init(_ capacity: UInt32, firstLap: UInt32 = 0) {
        memory = CacheAligned(bytes: 192)
        pointer = memory.opaque
        slots = .allocate(capacity: Int(capacity))
        gyre_ring_init(pointer, slots, capacity, firstLap)
    }

    deinit { slots.deallocate() }

    func push(_ handle: UInt32) -> gyre_ring_result { gyre_ring_try_push(pointer, handle) }

    func pop() -> Popped {
        var handle: UInt32 = 0
        let result = gyre_ring_try_pop(pointer, &handle)
        switch result {
        case GYRE_RING_OK: return .item(handle)
        case GYRE_RING_EMPTY: return .empty
        case GYRE_RING_DRAINED: return .drained
        default: return .impossible(result.rawValue)
        }
    }

    func close() -> Bool { gyre_ring_close(pointer) }
    var isClosed: Bool { gyre_ring_is_closed(pointer) }
    var hasItem: Bool { gyre_ring_has_item(pointer) }
    var size: UInt32 { gyre_ring_size_approximate(pointer) }

    /// Both hints to the beginning of a lap, as a thread that stood still may see them. They lie on lines of their own.
    func setHints(lap: UInt32) { setHints(tailLap: lap, headLap: lap) }

    func setHints(tailLap: UInt32, headLap: UInt32) {
        (memory.start + 64).storeBytes(of: UInt64(tailLap) << 32, as: UInt64.self)
        (memory.start + 128).storeBytes(of: UInt64(headLap) << 32, as: UInt64.self)
    }
}
