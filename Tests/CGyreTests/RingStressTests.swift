import CGyre
import Glibc
import Synchronization
import Testing

/// More threads than cores on one ring, item by item.
@Suite(.serialized) struct RingStressTests {
    @Test(arguments: [(1, 1, 2), (2, 2, 2), (4, 4, 3), (3, 5, 7), (6, 2, 64)])
    func nothingIsLostDoubledOrReordered(producers: Int, consumers: Int, capacity: UInt32) {
        let each = 4_000
        // So that lap and tag wrap on the way.
        let ring = Ring(capacity, firstLap: UInt32(1 << 31) - 3)
        let received = (0..<consumers).map { _ in Received() }
        let finished = Totals()
        onThreads(producers + consumers) { me in
            if me < producers {
                for number in 0..<each {
                    let handle = UInt32(me << 20 | number)
                    while ring.push(handle) != GYRE_RING_OK { sched_yield() }
                }
                if finished.accepted.add(1, ordering: .acquiringAndReleasing).newValue == producers { _ = ring.close() }
            } else {
                while true {
                    switch ring.pop() {
                    case .item(let handle): received[me - producers].append(handle)
                    case .drained: return
                    default: sched_yield()
                    }
                }
            }
        }
        var counts = [Int](repeating: 0, count: producers * each)
        for consumer in received {
            var last = [Int](repeating: -1, count: producers)
            for handle in consumer.handles {
                let (producer, number) = (Int(handle >> 20), Int(handle & 0xf_ffff))
                counts[producer * each + number] += 1
                #expect(number > last[producer], "each consumer sees each producer's items in their order")
                last[producer] = number
            }
        }
        #expect(counts.allSatisfy { $0 == 1 })
        #expect(ring.size == 0)
    }

    /// Whatever a push was told, is so: what was accepted before the close comes out, what was refused does not.
    @Test func aCloseThatRacesWithPushesSplitsThemCleanly() {
        for round: UInt32 in 0..<200 {
            let ring = Ring(2 + round % 7, firstLap: .max - 1)
            let total = Totals()
            onThreads(5) { me in
                if me == 0 {
                    for _ in 0..<round { gyre_pause() }
                    #expect(ring.close())
                } else if me < 3 {
                    while true {
                        let result = ring.push(UInt32(me))
                        if result == GYRE_RING_CLOSED { return }
                        if result == GYRE_RING_OK { total.accepted.add(me, ordering: .relaxed) } else { sched_yield() }
                    }
                } else {
                    while true {
                        let found = ring.pop()
                        if found == .drained { return }
                        if case .item(let handle) = found {
                            total.popped.add(Int(handle), ordering: .relaxed)
                        } else {
                            sched_yield()
                        }
                    }
                }
            }
            #expect(total.accepted.load(ordering: .relaxed) == total.popped.load(ordering: .relaxed))
        }
    }

    @Test func oneCloserOfManyIsTheFirst() {
        for _ in 0..<200 {
            let ring = Ring(3)
            let totals = Totals()
            onThreads(4) { _ in if ring.close() { totals.accepted.add(1, ordering: .relaxed) } }
            #expect(totals.accepted.load(ordering: .relaxed) == 1)
        }
    }

    /// Every call with its begin and end on a shared counter; the checker below knows what a queue may do.
    @Test func historiesAreThoseOfAQueue() {
        for round: UInt32 in 0..<10 {
            let ring = Ring(2 + round % 3, firstLap: .max - round)
            let clock = Ticks()
            let events = (0..<4).map { _ in Recorder() }
            onThreads(4) { me in
                for number in 0..<150 {
                    let item = me * 1_000 + number
                    let begin = clock.tick()
                    if ring.push(UInt32(item)) == GYRE_RING_OK {
                        events[me].append(QueueCall(item: item, isPush: true, begin: begin, end: clock.tick()))
                    }
                    let popBegin = clock.tick()
                    if case .item(let handle) = ring.pop() {
                        events[me].append(
                            QueueCall(item: Int(handle), isPush: false, begin: popBegin, end: clock.tick()))
                    }
                }
            }
            while case .item(let handle) = ring.pop() {
                let begin = clock.tick()
                events[0].append(QueueCall(item: Int(handle), isPush: false, begin: begin, end: clock.tick()))
            }
            #expect(QueueHistory.fault(in: events.flatMap(\.all)) == nil)
        }
    }

    @Test func theCheckerRejectsWhatNoQueueDoes() {
        // Three pushes and three pops, one after the other.
        var history: [QueueCall] = []
        for item in 0..<3 { history.append(QueueCall(item: item, isPush: true, begin: item * 2, end: item * 2 + 1)) }
        for item in 0..<3 {
            history.append(QueueCall(item: item, isPush: false, begin: 6 + item * 2, end: 7 + item * 2))
        }
        #expect(QueueHistory.fault(in: history) == nil)

        var swapped = history
        (swapped[3].item, swapped[4].item) = (swapped[4].item, swapped[3].item)
        #expect(QueueHistory.fault(in: swapped) == .reordered)
        #expect(QueueHistory.fault(in: history.dropLast()) == .lost)
        var doubled = history
        doubled[5].item = 1
        #expect(QueueHistory.fault(in: doubled) == .doubled)
        var invented = history
        invented[5].item = 9
        #expect(QueueHistory.fault(in: invented) == .invented)
        var early = history
        early[3].begin = -2
        early[3].end = -1
        #expect(QueueHistory.fault(in: early) == .poppedBeforePush)

        // Pops that overlap may come in either order.
        var overlapping = swapped
        overlapping[4].begin = overlapping[3].begin
        #expect(QueueHistory.fault(in: overlapping) == nil)
    }
}

/// One call on a queue.
struct QueueCall {
    var item: Int
    var isPush: Bool
    var begin: Int
    var end: Int
}

/// Whether a history of pushes and pops, each item pushed at most once and all popped at the end, is one of a queue.
enum QueueHistory {
    enum Fault { case lost, doubled, invented, poppedBeforePush, reordered }

    static func fault(in history: some Sequence<QueueCall>) -> Fault? {
        var pushes: [Int: QueueCall] = [:]
        var pops: [Int: QueueCall] = [:]
        for event in history {
            if event.isPush {
                pushes[event.item] = event
            } else if pops.updateValue(event, forKey: event.item) != nil {
                return .doubled
            }
        }
        for (item, pop) in pops {
            guard let push = pushes[item] else { return .invented }
            if pop.end < push.begin { return .poppedBeforePush }
        }
        if pops.count < pushes.count { return .lost }
        // In order of pushing, no pop may have ended before the pop of an item that was pushed for certain before
        // began.
        let byBegin = pushes.values.sorted { $0.begin < $1.begin }
        let byEnd = pushes.values.sorted { $0.end < $1.end }
        var latestPopBegin = Int.min
        var next = 0
        for push in byBegin {
            while next < byEnd.count, byEnd[next].end < push.begin {
                if let pop = pops[byEnd[next].item] { latestPopBegin = max(latestPopBegin, pop.begin) }
                next += 1
            }
            if let pop = pops[push.item], pop.end < latestPopBegin { return .reordered }
        }
        return nil
    }
}

private final class Received: @unchecked Sendable {  // one thread fills it, another reads it after the join
    var handles: [UInt32] = []
    func append(_ handle: UInt32) { handles.append(handle) }
}

private final class Recorder: @unchecked Sendable {  // the same
    var all: [QueueCall] = []
    func append(_ event: QueueCall) { all.append(event) }
}

private final class Ticks: Sendable {
    private let now = Atomic(0)
    func tick() -> Int { now.add(1, ordering: .sequentiallyConsistent).oldValue }
}

private final class Totals: Sendable {
    let accepted = Atomic(0)
    let popped = Atomic(0)
}
