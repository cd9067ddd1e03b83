import CGyre
import Glibc
import GyreCore
import Testing

@Suite struct WaitersTests {
    @Test func waitersAreCalledOldestFirst() {
        let waiters = Waiters()
        #expect(!gyre_waiters_is_settled(waiters.pointer))
        for number in 0..<5 { #expect(waiters.add(number)) }
        gyre_waiters_settle(waiters.pointer)
        #expect(waiters.called == [0, 1, 2, 3, 4])
        #expect(gyre_waiters_is_settled(waiters.pointer))
    }

    @Test func whoComesAfterwardsIsToldSoAndNotCalled() {
        let waiters = Waiters()
        gyre_waiters_settle(waiters.pointer)
        #expect(!waiters.add(1))
        #expect(waiters.called.isEmpty)
    }

    /// Threads add themselves while one settles: each is either called once or told that it is settled; and both see
    /// the outcome, a plain word.
    @Test func everyWaiterLearnsOfTheOutcomeOnce() {
        for round in 0..<400 {
            let waiters = Waiters()
            let outcome = Plain(count: 1)
            let refused = Lock<[Int]>([])
            let wrong = Tally()
            onThreads(4) { me in
                if me == 0 {
                    for _ in 0..<(round % 50) { gyre_pause() }
                    outcome[0] = 42
                    gyre_waiters_settle(waiters.pointer)
                } else {
                    for number in 0..<5 where !waiters.add(me * 10 + number) {
                        if outcome[0] != 42 { wrong.add() }
                        refused.withLock { $0.append(me * 10 + number) }
                    }
                    if eventually({ gyre_waiters_is_settled(waiters.pointer) }), outcome[0] != 42 { wrong.add() }
                }
            }
            let everybody = (1..<4).flatMap { me in (0..<5).map { me * 10 + $0 } }
            #expect((waiters.called + refused.withLock { $0 }).sorted() == everybody)
            #expect(wrong.count == 0)
        }
    }
}

private final class Waiters: @unchecked Sendable {  // the word is an atomic
    let pointer = UnsafeMutablePointer<gyre_waiters>.allocate(capacity: 1)
    private let list = Lock<[Int]>([])
    var called: [Int] { list.withLock { $0 } }

    init() { gyre_waiters_init(pointer) }
    deinit { pointer.deallocate() }

    private final class Node {
        let owner: Waiters
        let number: Int
        init(_ owner: Waiters, _ number: Int) {
            self.owner = owner
            self.number = number
        }
    }

    /// A node that notes its number when it is called, and frees itself.
    func add(_ number: Int) -> Bool {
        let node = UnsafeMutablePointer<gyre_waiter>.allocate(capacity: 1)
        let retained = Unmanaged.passRetained(Node(self, number))
        node.initialize(
            to: gyre_waiter(
                next: nil,
                settled: { waiter in
                    guard let waiter, let word = UnsafeRawPointer(bitPattern: UInt(waiter.pointee.word)) else { return }
                    let node = Unmanaged<Node>.fromOpaque(word).takeRetainedValue()
                    node.owner.list.withLock { $0.append(node.number) }
                    waiter.deallocate()
                }, word: UInt64(UInt(bitPattern: retained.toOpaque()))))
        if gyre_waiters_add(pointer, node) { return true }
        retained.release()
        node.deallocate()
        return false
    }
}
