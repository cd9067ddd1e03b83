import GyreCore
import Synchronization
import Testing

/// Pushes that replace the oldest of a full ring.
@Suite struct RingReplaceTests {
    @Test(arguments: [2, 3, 7, 64])
    func aFullRingKeepsTheLast(capacity: Int) throws {
        let ring = try Ring<String>(capacity: capacity)
        for number in 0..<(5 * capacity) {
            let oldest = ring.pushReplacingOldest("\(number)").replaced
            #expect(oldest == (number < capacity ? nil : "\(number - capacity)"))
            #expect(ring.approximateCount == min(number + 1, capacity))
        }
        #expect(ring.tryPush("no room") == .full)
        for number in (4 * capacity)..<(5 * capacity) { #expect(ring.tryPop().element == "\(number)") }
        #expect(ring.tryPop().element == nil)
    }

    @Test func aClosedRingIsNotReplacedIn() throws {
        for count in 0...2 {
            let ring = try Ring<Int>(capacity: 2)
            for number in 0..<count { _ = ring.tryPush(number) }
            ring.close()
            guard case .closed = ring.pushReplacingOldest(9) else {
                Issue.record("a closed ring with \(count) of 2 takes no more")
                return
            }
            for number in 0..<count { #expect(ring.tryPop().element == number) }
        }
    }

    @Test func whatIsRefusedOrReplacedIsReleased() throws {
        final class Counted: Sendable {
            static let live = Atomic<Int>(0)
            init() { Self.live.add(1, ordering: .relaxed) }
            deinit { Self.live.subtract(1, ordering: .relaxed) }
        }
        let ring = try Ring<Counted>(capacity: 3)
        for _ in 0..<10 { _ = ring.pushReplacingOldest(Counted()) }
        #expect(Counted.live.load(ordering: .relaxed) == 3)
        ring.close()
        _ = ring.pushReplacingOldest(Counted())
        #expect(Counted.live.load(ordering: .relaxed) == 3)
    }

    @Test func handlesAreReplacedToo() throws {
        let ring = try HandleRing(capacity: 2)
        for handle: UInt32 in 0..<6 {
            #expect(ring.pushReplacingOldest(handle).replaced == (handle < 2 ? nil : handle - 2))
        }
        #expect(ring.tryPop().element == 4)
        ring.close()
        guard case .closed = ring.pushReplacingOldest(7) else {
            Issue.record("a closed ring takes no more")
            return
        }
        #expect(ring.tryPop().element == 5)
    }

    /// Three producers over a ring of 7, one of them plain, and a consumer: item by item, everything comes out once,
    /// and the items of each producer that the consumer gets keep their order.
    @Test(arguments: [2, 7]) func everythingComesOutOnce(capacity: Int) throws {
        let perProducer = 100_000  // long enough for all to meet on two cores that others use too
        let ring = try Ring<Int>(capacity: capacity)
        let seen = Tallies(count: 3 * perProducer)
        let producing = Atomic<Int>(3)
        onThreads(4) { index in
            if index == 3 {
                var last = [-1, -1, -1]
                while true {
                    let isOver = producing.load(ordering: .acquiring) == 0
                    guard let item = ring.tryPop().element else {
                        if isOver { break }
                        continue
                    }
                    seen.add(item)
                    let producer = item / perProducer
                    #expect(item > last[producer])
                    last[producer] = item
                }
                return
            }
            for number in 0..<perProducer {
                let item = index * perProducer + number
                if index == 0 {
                    if ring.tryPush(item) != .pushed { seen.add(item) }  // refused: out at once
                } else if let oldest = ring.pushReplacingOldest(item).replaced {
                    seen.add(oldest)
                }
            }
            producing.subtract(1, ordering: .releasing)
        }
        #expect(seen.areAllOne)
    }
}

/// A number for each item.
private final class Tallies: Sendable {
    private final class Cell: Sendable { let count = Atomic<Int>(0) }
    private let cells: [Cell]
    init(count: Int) { cells = (0..<count).map { _ in Cell() } }
    func add(_ index: Int) { cells[index].count.add(1, ordering: .relaxed) }
    var areAllOne: Bool { cells.allSatisfy { $0.count.load(ordering: .relaxed) == 1 } }
}
