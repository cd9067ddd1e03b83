import Glibc
import GyreCore
import Synchronization
import Testing

/// Batches, on rings with a lane and without one.
@Suite struct RingBatchTests {
    @Test(arguments: [-1, 1, (1 << 20) + 1])
    func aNumberOfBatchesThatIsNoLaneIsRefused(batches: Int) {
        let error = #expect(throws: ConfigurationError.self) {
            try Ring<String>(capacity: 2, batchCapacity: batches)
        }
        #expect(error?.field == "batchCapacity")
        #expect(error?.reason.contains("\(batches)") == true)
    }

    @Test(arguments: [2, 3, 7, 32])
    func theBatchesAskedForAreThoseThatFit(batches: Int) throws {
        let ring = try Ring<String>(capacity: 2, batchCapacity: batches)
        #expect(ring.batchCapacity == batches)
        for lap in 0..<3 {
            for batch in 0..<batches {
                let elements = (0...(batch % 32)).map { "\(lap).\(batch).\($0)" }
                #expect(ring.push(elements) == .pushed(elements.count))
            }
            #expect(ring.push(["one more"]) == .full)
            #expect(ring.approximateBatchCount == batches)
            #expect(ring.approximateCount == 0)
            for batch in 0..<batches {
                var elements: [String] = []
                #expect(ring.tryPop(upTo: 32, into: &elements) == .popped(batch % 32 + 1))
                #expect(elements == (0...(batch % 32)).map { "\(lap).\(batch).\($0)" })
            }
            var none: [String] = []
            #expect(ring.tryPop(upTo: 32, into: &none) == .empty)
        }
    }

    @Test func manyElementsGoInAsManyBatches() throws {
        let ring = try Ring<Int>(capacity: 2, batchCapacity: 3)
        #expect(ring.push(Array(0..<1_000)) == .pushed(3 * 32))
        #expect(ring.push([]) == .pushed(0))
        var elements: [Int] = []
        while case .popped = ring.tryPop(upTo: 32, into: &elements) {}
        #expect(elements == Array(0..<96))
    }

    @Test func aBatchIsTakenInParts() throws {
        let ring = try Ring<String>(capacity: 2, batchCapacity: 2)
        for round in 0..<5 {
            let pushed = (0..<7).map { "\(round).\($0)" }
            #expect(ring.push(pushed) == .pushed(7))
            var elements: [String] = []
            #expect(ring.tryPop(upTo: 0, into: &elements) == .popped(0))
            #expect(ring.tryPop(upTo: 3, into: &elements) == .popped(3))
            if let next = ring.tryPop().element { elements.append(next) }
            #expect(ring.approximateBatchCount == 1)
            #expect(ring.tryPop(upTo: 32, into: &elements) == .popped(3))
            #expect(elements == pushed)
            #expect(ring.approximateBatchCount == 0)
        }
    }

    @Test func popsTakeTurnsBetweenBatchesAndOthers() throws {
        let ring = try Ring<Int>(capacity: 100, batchCapacity: 2)
        for single in 0..<100 { _ = ring.tryPush(single) }
        _ = ring.push(Array(1_000..<1_032))
        var seen: [Int] = []
        for _ in 0..<70 { if let element = ring.tryPop().element { seen.append(element) } }
        #expect(seen.filter { $0 >= 1_000 } == Array(1_000..<1_032), "no single one holds a batch up")
        #expect(seen.filter { $0 < 1_000 } == Array(0..<38))
        _ = ring.push([1])
        _ = ring.push([2])
        seen = []
        for _ in 0..<2 { #expect(ring.tryPop(upTo: 2, into: &seen) != .empty) }
        #expect(seen.contains(38), "no batch holds single ones up")
    }

    @Test func withoutALaneTheCallsAreThere() throws {
        let ring = try Ring<Int>(capacity: 5)
        #expect(ring.batchCapacity == 0)
        #expect(ring.approximateBatchCount == 0)
        #expect(ring.push(Array(0..<9)) == .pushed(5))
        #expect(ring.push([9]) == .full)
        var elements: [Int] = []
        #expect(ring.tryPop(upTo: 3, into: &elements) == .popped(3))
        #expect(ring.tryPop(upTo: 3, into: &elements) == .popped(2))
        #expect(elements == Array(0..<5))
        #expect(ring.tryPop(upTo: 3, into: &elements) == .empty)
        ring.close()
        #expect(ring.push([9]) == .closed)
        #expect(ring.tryPop(upTo: 3, into: &elements) == .drained)
    }

    @Test func aClosedRingGivesBackBothQueues() throws {
        let ring = try Ring<Int>(capacity: 4, batchCapacity: 2)
        _ = ring.push([1, 2, 3])
        _ = ring.tryPush(4)
        #expect(ring.close())
        #expect(!ring.close())
        #expect(ring.tryPush(5) == .closed)
        #expect(ring.push([5]) == .closed)
        var elements: [Int] = []
        while let element = ring.tryPop().element { elements.append(element) }
        #expect(Set(elements) == [1, 2, 3, 4])
        #expect(ring.tryPop(upTo: 1, into: &elements) == .drained)
        guard case .drained = ring.tryPop() else {
            Issue.record("a closed and emptied ring says drained")
            return
        }
    }

    @Test func whatIsLeftInALaneIsReleasedWithIt() throws {
        final class Counted: Sendable {
            static let live = Atomic<Int>(0)
            init() { Self.live.add(1, ordering: .relaxed) }
            deinit { Self.live.subtract(1, ordering: .relaxed) }
        }
        do {
            let ring = try Ring<Counted>(capacity: 3, batchCapacity: 2)
            for _ in 0..<3 {
                let elements = (0..<5).map { _ in Counted() }
                _ = ring.push(elements)
            }
            _ = ring.tryPop()
            _ = ring.tryPush(Counted())
            #expect(Counted.live.load(ordering: .relaxed) == 10)
        }
        #expect(Counted.live.load(ordering: .relaxed) == 0)
    }

    /// More threads than cores; strings, so that a place in two hands is a crash or a race. Half of the producers push
    /// batches and half single ones, and consumers take one, a few or many.
    @Test(arguments: [2, 5])
    func nothingIsLostDoubledOrReordered(batches: Int) throws {
        let ring = try Ring<String>(capacity: 5, batchCapacity: batches)
        let each = 3_000
        let producing = Atomic<Int>(4)
        let received = Lock<[[String]]>([])
        onThreads(8) { me in
            if me < 4 {
                let elements = (0..<each).map { "\(me) \($0)" }
                var next = 0
                while next < each {
                    let size = me % 2 == 0 ? 1 : min(1 + next % 32, each - next)
                    let span = elements.span.extracting(next..<(next + size))
                    if me % 2 == 0 {
                        if ring.tryPush(elements[next]) == .pushed { next += 1 } else { sched_yield() }
                    } else if case .pushed(let count) = ring.tryPush(contentsOf: span) {
                        next += count
                    } else {
                        sched_yield()
                    }
                }
                if producing.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { ring.close() }
            } else {
                var mine: [String] = []
                while true {
                    if me == 4 {
                        let one = ring.tryPop()
                        if let element = one.element { mine.append(element) } else { sched_yield() }
                        if case .drained = one { break }
                    } else {
                        let some = ring.tryPop(upTo: me == 5 ? 3 : 32, into: &mine)
                        if some == .drained { break }
                        if some == .empty { sched_yield() }
                    }
                }
                received.withLock { $0.append(mine) }
            }
        }
        let all = received.withLock { $0 }
        #expect(all.joined().count == 4 * each)
        #expect(Set(all.joined()).count == 4 * each)
        for consumer in all {
            var last = [Int](repeating: -1, count: 4)
            for element in consumer {
                let parts = element.split(separator: " ").compactMap { Int($0) }
                #expect(parts[1] > last[parts[0]], "each consumer sees each producer's elements in their order")
                last[parts[0]] = parts[1]
            }
        }
    }

    /// There are 64 numbers for threads; the others share places.
    @Test func threadsBeyondTheNumbersUseTheRingAsWell() throws {
        let ring = try Ring<String>(capacity: 3, batchCapacity: 2)
        let popped = Atomic<Int>(0)
        onThreads(90) { me in
            for turn in 0..<20 {
                while true {
                    let batch = ["\(me)", "\(turn)"]
                    let isIn =
                        turn % 2 == 0
                        ? ring.tryPush("\(me) \(turn)") == .pushed : ring.push(batch) == .pushed(2)
                    if isIn { break }
                    var out: [String] = []
                    if case .popped(let count) = ring.tryPop(upTo: 1, into: &out) {
                        popped.add(count, ordering: .relaxed)
                    } else {
                        sched_yield()
                    }
                }
            }
        }
        var left = 0
        while ring.tryPop().element != nil { left += 1 }
        #expect(popped.load(ordering: .relaxed) + left == 90 * 30)
    }
}

extension Ring {
    /// A span does not outlive its array, of which `#expect` would make a temporary.
    fileprivate func push(_ elements: [Element]) -> BatchPushResult { tryPush(contentsOf: elements.span) }
}
