import CGyre
import Glibc
import Testing

@Suite struct OverflowTests {
    @Test func itemsComeBackInOrderAndWhole() {
        let queue = Overflow()
        #expect(queue.pop() == nil)
        #expect(!gyre_overflow_has_item(queue.pointer))
        for number: UInt64 in 0..<100 { queue.push(number) }
        #expect(gyre_overflow_has_item(queue.pointer))
        #expect(gyre_overflow_count(queue.pointer) == 100)
        for number: UInt64 in 0..<100 { #expect(queue.pop() == number) }
        #expect(queue.pop() == nil)
        #expect(!gyre_overflow_has_item(queue.pointer))
    }

    @Test func theMostThereEverWereIsRemembered() {
        let queue = Overflow()
        for number: UInt64 in 0..<7 { queue.push(number) }
        while queue.pop() != nil {}
        queue.push(1)
        #expect(gyre_overflow_count(queue.pointer) == 1)
        #expect(gyre_overflow_count_max(queue.pointer) == 7)
        _ = queue.pop()
    }

    @Test(arguments: [(1, 1), (4, 1), (4, 4)]) func eachItemIsPoppedOnceWhoeverPops(pushers: Int, poppers: Int) {
        let queue = Overflow()
        let each = 3_000
        let found = (0..<poppers).map { _ in Found() }
        let popped = Tally()
        onThreads(pushers + poppers) { me in
            if me < pushers {
                for number in 0..<each { queue.push(UInt64(me * each + number)) }
            } else {
                _ = eventually {
                    while let number = queue.pop() {
                        found[me - pushers].numbers.append(number)
                        popped.add()
                    }
                    return popped.count == pushers * each
                }
            }
        }
        var counts = [Int](repeating: 0, count: pushers * each)
        for one in found {
            var last = [Int](repeating: -1, count: pushers)
            for number in one.numbers {
                counts[Int(number)] += 1
                let (pusher, place) = Int(number).quotientAndRemainder(dividingBy: each)
                #expect(place > last[pusher])
                last[pusher] = place
            }
        }
        #expect(counts.allSatisfy { $0 == 1 })
        #expect(gyre_overflow_count(queue.pointer) == 0)
    }
}

private final class Overflow: @unchecked Sendable {  // wait-free and guarded by its own account, which is tested
    let pointer: OpaquePointer

    init() {
        guard let pointer = gyre_overflow_create() else { preconditionFailure("no memory for a test") }
        self.pointer = pointer
    }

    deinit { gyre_overflow_destroy(pointer) }

    func push(_ number: UInt64) {
        var item = gyre_overflow_item(function: { _, _ in }, words: (number, ~number), submitted: number + 1)
        gyre_overflow_push(pointer, &item)
    }

    /// The number of the oldest item, if its other fields agree with it.
    func pop() -> UInt64? {
        var item = gyre_overflow_item()
        guard gyre_overflow_pop(pointer, &item) else { return nil }
        return item.words.1 == ~item.words.0 && item.submitted == item.words.0 + 1 ? item.words.0 : .max
    }
}

private final class Found: @unchecked Sendable {  // one thread fills it, another reads it after the join
    var numbers: [UInt64] = []
}
