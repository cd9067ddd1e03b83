import GyreCore
import GyrePolicy

/// A member's element, and where its caller waits.
struct BatchSeat<Element: Sendable, Part: Sendable>: Sendable {
    let element: Element
    let flight: Flight<Part>

    /// Ends the wait of the caller, once.
    func land(_ result: Result<Part, any Error>) {
        if flight.claimLanding() { flight.land(result) }
    }
}

/// A batch on its way.
final class Batch<Key: Hashable & Sendable, Element: Sendable, Part: Sendable>: Sendable {
    let key: Key
    let members: [BatchMember<BatchSeat<Element, Part>>]
    let wasFull: Bool
    /// Callers that have not left, and how to cancel the call.
    let left: Lock<(count: Int, cancel: (@Sendable () -> Void)?)>

    init(_ key: Key, _ members: [BatchMember<BatchSeat<Element, Part>>], wasFull: Bool) {
        self.key = key
        self.members = members
        self.wasFull = wasFull
        left = Lock((members.count, nil))
    }

    func land(_ error: any Error) {
        for member in members { member.element.land(.failure(error)) }
    }

    /// The last one who leaves cancels the call.
    func leave() {
        let cancel = left.withLock { left in
            left.count -= 1
            return left.count == 0 ? left.cancel.take() : nil
        }
        cancel?()
    }

    func began(_ cancel: @escaping @Sendable () -> Void) {
        let isEmpty = left.withLock { left in
            if left.count > 0 { left.cancel = cancel }
            return left.count == 0
        }
        if isEmpty { cancel() }
    }
}

/// What changes under the lock of a batcher.
struct BatcherState<Key: Hashable & Sendable, Element: Sendable, Part: Sendable>: Sendable {
    typealias Seat = BatchSeat<Element, Part>

    var book: BatchBook<Key, Seat>
    var controller: BatchController
    /// Batches that go, until their task is queued.
    var due: [Batch<Key, Element, Part>] = []
    /// The batch of each member that has gone, until it ends.
    var onTheWay: [UInt64: Batch<Key, Element, Part>] = [:]
    /// For which instant the timer of a key is set.
    var armed: [Key: MonotonicInstant] = [:]
    /// Timers to be set, after the lock.
    var alarms: [(key: Key, at: MonotonicInstant)] = []
    var closers: [UnsafeContinuation<Void, Never>] = []
    var isClosed = false
    var running = 0
    var membersEver: UInt64 = 0
    var members: UInt64 = 0
    var batches: UInt64 = 0
    var resent: UInt64 = 0

    init(book: BatchBook<Key, Seat>, policy: BatchPolicy) {
        self.book = book
        controller = BatchController(policy)
    }

    var isIdle: Bool { book.count == 0 && running == 0 }

    mutating func enqueue(_ key: Key, _ members: [BatchMember<Seat>], wasFull: Bool) {
        let batch = Batch(key, members, wasFull: wasFull)
        for member in members { onTheWay[member.id] = batch }
        due.append(batch)
        running += 1
        batches += 1
    }
}
