import Glibc
import GyreCore
import Synchronization
import Testing

/// The rings for one producer and one consumer, and for many producers and one.
@Suite struct RingKindTests {
    final class Counted: Sendable {
        static let live = Atomic<Int>(0)
        let number: Int
        init(_ number: Int) {
            self.number = number
            Self.live.add(1, ordering: .relaxed)
        }
        deinit { Self.live.subtract(1, ordering: .relaxed) }
    }

    struct TakenError: Error {}

    /// `#require` for what cannot be copied.
    private func end<End: ~Copyable>(_ end: consuming End?) throws -> End {
        guard let end else { throw TakenError() }
        return end
    }

    private func isThere<End: ~Copyable>(_ end: consuming End?) -> Bool {
        if end != nil { return true }
        return false
    }

    // MARK: - One to one

    @Test(arguments: [-1, 0, (1 << 30) + 1])
    func aCapacityThatIsNoQueueIsRefused(capacity: Int) {
        #expect(throws: ConfigurationError.self) { try SPSCRing<String>(capacity: capacity) }
        #expect(throws: ConfigurationError.self) { try MPSCRing<String>(capacity: capacity) }
    }

    @Test(arguments: [1, 2, 3, 7, 64])
    func theNumberAskedForIsTheNumberThatFits(capacity: Int) throws {
        let ring = try SPSCRing<String>(capacity: capacity)
        let producer = try end(ring.producer())
        let consumer = try end(ring.consumer())
        for lap in 0..<3 {
            for index in 0..<capacity { #expect(producer.tryPush("\(lap).\(index)") == .pushed) }
            #expect(producer.tryPush("one more") == .full)
            #expect(producer.push(["one more"]) == .full)
            #expect(ring.approximateCount == capacity)
            for index in 0..<capacity { #expect(consumer.tryPop().element == "\(lap).\(index)") }
            guard case .empty = consumer.tryPop() else {
                Issue.record("an emptied ring says empty")
                return
            }
        }
    }

    @Test func manyGoThroughAtOnce() throws {
        let ring = try SPSCRing<Int>(capacity: 5)
        let producer = try end(ring.producer())
        let consumer = try end(ring.consumer())
        var next = 0
        var out: [Int] = []
        for round in 1...20 {
            let elements = Array(next..<(next + round))
            guard case .pushed(let count) = producer.push(elements) else {
                Issue.record("there is room")
                return
            }
            #expect(count == min(round, 5))
            next += count
            #expect(consumer.tryPop(upTo: 100, into: &out) == .popped(count))
        }
        #expect(out == Array(0..<next))
        #expect(consumer.tryPop(upTo: 0, into: &out) == .popped(0))
        #expect(consumer.tryPop(upTo: 1, into: &out) == .empty)
    }

    @Test func onlyTheProducerClosesAndTheRestComesOut() throws {
        let ring = try SPSCRing<Int>(capacity: 4)
        let producer = try end(ring.producer())
        let consumer = try end(ring.consumer())
        _ = producer.tryPush(1)
        #expect(!ring.isClosed)
        let isFirst = [producer.close(), producer.close()]
        #expect(isFirst == [true, false])
        #expect(ring.isClosed)
        #expect(producer.tryPush(2) == .closed)
        #expect(producer.push([2]) == .closed)
        #expect(consumer.tryPop().element == 1)
        var out: [Int] = []
        #expect(consumer.tryPop(upTo: 1, into: &out) == .drained)
        guard case .drained = consumer.tryPop() else {
            Issue.record("a closed and emptied ring says drained")
            return
        }
    }

    @Test func anEndIsOfOneAtATime() throws {
        let ring = try SPSCRing<Int>(capacity: 4)
        let many = try MPSCRing<Int>(capacity: 4)
        do {
            let producer = try end(ring.producer())
            let consumer = try end(ring.consumer())
            let other = try end(many.consumer())
            let others = [isThere(ring.producer()), isThere(ring.consumer()), isThere(many.consumer())]
            #expect(others == [false, false, false])
            #expect(producer.tryPush(1) == .pushed)
            #expect(consumer.tryPop().element == 1)
            #expect(other.tryPop().element == nil)
        }
        let producer = try end(ring.producer())
        #expect(producer.tryPush(2) == .pushed)
        let consumer = try end(ring.consumer())
        #expect(consumer.tryPop().element == 2)
        _ = try end(many.consumer())
    }

    @Test func whatIsLeftIsReleasedWithTheRing() throws {
        do {
            let ring = try SPSCRing<Counted>(capacity: 3)
            let producer = try end(ring.producer())
            let consumer = try end(ring.consumer())
            for number in 0..<2 { _ = producer.tryPush(Counted(number)) }
            #expect(consumer.tryPop().element?.number == 0)
            for number in 2..<9 { _ = producer.tryPush(Counted(number)) }
            let many = try MPSCRing<Counted>(capacity: 3)
            for number in 0..<9 { _ = many.tryPush(Counted(number)) }
            #expect(Counted.live.load(ordering: .relaxed) == 6)
        }
        #expect(Counted.live.load(ordering: .relaxed) == 0)
    }

    /// Strings, so that a place in two hands is a crash or a race.
    @Test(arguments: [1, 2, 33])
    func oneToOneNothingIsLostOrReordered(capacity: Int) throws {
        let ring = try SPSCRing<String>(capacity: capacity)
        let count = 20_000
        onThreads(2) { me in
            if me == 0 {
                guard let producer = ring.producer() else {
                    Issue.record("nobody has it")
                    return
                }
                let elements = (0..<count).map { "\($0)" }
                var next = 0
                while next < count {
                    let span = elements.span.extracting(next..<min(count, next + 1 + next % 7))
                    if next % 3 == 0, producer.tryPush(elements[next]) == .pushed {
                        next += 1
                    } else if case .pushed(let some) = producer.tryPush(contentsOf: span) {
                        next += some
                    } else {
                        sched_yield()
                    }
                }
                producer.close()
            } else {
                guard let consumer = ring.consumer() else {
                    Issue.record("nobody has it")
                    return
                }
                var out: [String] = []
                while true {
                    if out.count % 3 == 0, let one = consumer.tryPop().element { out.append(one) }
                    let some = consumer.tryPop(upTo: 1 + out.count % 7, into: &out)
                    if some == .drained { break }
                    if some == .empty { sched_yield() }
                }
                #expect(out == (0..<count).map { "\($0)" })
            }
        }
    }

    // MARK: - Many to one

    @Test(arguments: [2, 3, 7, 64])
    func manyToOneHasItsCapacityToo(capacity: Int) throws {
        let ring = try MPSCRing<String>(capacity: capacity)
        let consumer = try end(ring.consumer())
        for lap in 0..<3 {
            for index in 0..<capacity { #expect(ring.tryPush("\(lap).\(index)") == .pushed) }
            #expect(ring.tryPush("one more") == .full)
            #expect(ring.approximateCount == capacity)
            for index in 0..<capacity { #expect(consumer.tryPop().element == "\(lap).\(index)") }
            guard case .empty = consumer.tryPop() else {
                Issue.record("an emptied ring says empty")
                return
            }
        }
    }

    @Test func anybodyClosesAndTheConsumerDrains() throws {
        let ring = try MPSCRing<Int>(capacity: 2)
        let consumer = try end(ring.consumer())
        _ = ring.tryPush(1)
        _ = ring.tryPush(2)
        #expect(ring.close())
        #expect(!ring.close())
        #expect(ring.isClosed)
        #expect(ring.tryPush(3) == .closed)
        #expect(consumer.tryPop().element == 1)
        #expect(consumer.tryPop().element == 2)
        for _ in 0..<2 {
            guard case .drained = consumer.tryPop() else {
                Issue.record("a closed and emptied ring says drained")
                return
            }
        }
        #expect(ring.tryPush(3) == .closed)
    }

    /// Whatever a push was told, is so: what was accepted before the close comes out, what was refused does not.
    @Test func aCloseThatRacesWithPushesSplitsThemCleanly() throws {
        for round in 0..<200 {
            let ring = try MPSCRing<String>(capacity: 2 + round % 5)
            let accepted = Atomic<Int>(0)
            onThreads(4) { me in
                if me == 0 {
                    for _ in 0..<(round % 20) { sched_yield() }
                    #expect(ring.close())
                } else if me < 3 {
                    var number = 0
                    while true {
                        let result = ring.tryPush("\(me) \(number)")
                        if result == .closed { return }
                        if result == .full { sched_yield() }
                        if result == .pushed {
                            number += 1
                            accepted.add(1, ordering: .relaxed)
                        }
                    }
                } else {
                    guard let consumer = ring.consumer() else {
                        Issue.record("nobody has it")
                        return
                    }
                    var last = [-1, -1, -1]
                    while true {
                        let found = consumer.tryPop()
                        if case .drained = found { return }
                        guard let element = found.element else {
                            sched_yield()
                            continue
                        }
                        accepted.subtract(1, ordering: .relaxed)
                        let parts = element.split(separator: " ").compactMap { Int($0) }
                        #expect(parts[1] == last[parts[0]] + 1)
                        last[parts[0]] = parts[1]
                    }
                }
            }
            #expect(accepted.load(ordering: .relaxed) == 0)
        }
    }
}

extension SPSCRing.Producer {
    /// A span does not outlive its array, of which `#expect` would make a temporary.
    fileprivate func push(_ elements: [Element]) -> Ring<Element>.BatchPushResult {
        tryPush(contentsOf: elements.span)
    }
}
