import GyreCore
import GyrePolicy

extension Batcher {
    /// Does what the book says about the batch of `key`. Under the lock; ``startDue()`` follows.
    func act(
        on answer: BatchBook<Key, BatchSeat<Element, Part>>.Answer, _ key: Key,
        _ state: inout BatcherState<Key, Element, Part>
    ) {
        switch answer {
        case .send(let members, let reason): state.enqueue(key, members, wasFull: reason == .full)
        case .wait(let until):
            // A timer that fires later than the batch may wait finds a batch that has gone; an earlier one looks again.
            if let armed = state.armed[key], armed <= until { return }
            state.armed[key] = until
            state.alarms.append((key, until))
        case .tooManyKeys, .nothing: break
        }
    }

    /// Queues the batches that go, and sets the timers of those that wait.
    func startDue() {
        let (batches, alarms) = state.withLock { state in
            defer {
                state.due = []
                state.alarms = []
            }
            return (state.due, state.alarms)
        }
        for alarm in alarms { arm(alarm.key, alarm.at) }
        for batch in batches { start(batch) }
    }

    private func arm(_ key: Key, _ at: MonotonicInstant) {
        let alarm = Unmanaged.passRetained(BatchAlarm { self.ring(key, at, isOver: self.runtime.timers.isClosed) })
        do {
            _ = try runtime.timers.insert(due: at, ringAlarm, UInt64(UInt(bitPattern: alarm.toOpaque())), 0)
        } catch {
            alarm.release()
            ring(key, at, isOver: true)  // nothing will tell when the time has come: it goes now
        }
    }

    /// The time of a batch has come, or will never be told.
    private func ring(_ key: Key, _ at: MonotonicInstant, isOver: Bool) {
        let now = runtime.clock.now
        state.withLock { state in
            if state.armed[key] == at { state.armed[key] = nil }
            if isOver {
                if let members = state.book.take(key) { state.enqueue(key, members, wasFull: false) }
                return
            }
            let answer = state.book.check(
                key, size: state.controller.size.value,
                expectedNanoseconds: state.controller.expectedNanoseconds, at: now)
            act(on: answer, key, &state)
        }
        startDue()
    }

    private func start(_ batch: Batch<Key, Element, Part>) {
        do {
            let handle = try runtime.post { () async throws in
                let began = self.runtime.clock.now
                await self.perform(batch.key, batch.members.map(\.element)[...])
                let ended = self.runtime.clock.now
                self.end(batch, nanoseconds: ended.nanoseconds(since: began), at: ended)
            }
            batch.began { handle.cancel() }
            handle.task.whenSettled {
                // A task that never ran has no other end; after a body this changes nothing.
                do { try handle.outcome?.get() } catch {
                    batch.land(error)
                    self.end(batch, nanoseconds: nil, at: self.runtime.clock.now)
                }
            }
        } catch {
            batch.land(GyreError(refusal: error))
            end(batch, nanoseconds: nil, at: runtime.clock.now)
        }
    }

    /// Sends what has callers left, and its halves by themselves when the whole fails.
    private nonisolated(nonsending) func perform(_ key: Key, _ seats: ArraySlice<BatchSeat<Element, Part>>) async {
        let seats = seats.filter { !$0.flight.isAbandoned }[...]
        guard !seats.isEmpty else { return }
        let failure: any Error
        do {
            let results = try await send(key, seats.map(\.element))
            if results.count == seats.count {
                for (seat, result) in zip(seats, results) { seat.land(result) }
                return
            }
            failure = BatchError.wrongCount(results: results.count, elements: seats.count)
        } catch {
            failure = error
        }
        if seats.count == 1 || failure is CancellationError || failure is GyreError || failure is BatchError {
            for seat in seats { seat.land(.failure(failure)) }
            return
        }
        state.withLock { $0.resent += 2 }
        let middle = seats.startIndex + seats.count / 2
        await perform(key, seats[..<middle])
        await perform(key, seats[middle...])
    }

    /// A batch has ended; `nil` nanoseconds for one that never ran.
    private func end(_ batch: Batch<Key, Element, Part>, nanoseconds: UInt64?, at now: MonotonicInstant) {
        state.withLock { state in
            if let nanoseconds { state.controller.record(nanoseconds: nanoseconds, wasFull: batch.wasFull, at: now) }
            for member in batch.members { state.onTheWay[member.id] = nil }
            state.running -= 1
        }
        resumeClosers()
    }

    private func resumeClosers() {
        let closers: [UnsafeContinuation<Void, Never>] = state.withLock { state in
            guard state.isIdle else { return [] }
            defer { state.closers = [] }
            return state.closers
        }
        for closer in closers { closer.wake() }
    }

    /// The caller of a member was cancelled.
    func leave(_ id: UInt64, _ key: Key) {
        let batch: Batch<Key, Element, Part>? = state.withLock { state in
            state.book.remove(id: id, key: key) == nil ? state.onTheWay[id] : nil
        }
        batch?.leave()
        resumeClosers()
    }
}

/// What a timer calls.
private final class BatchAlarm: Sendable {
    let ring: @Sendable () -> Void
    init(_ ring: @escaping @Sendable () -> Void) { self.ring = ring }
}

/// The word is a retained alarm.
private let ringAlarm: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<BatchAlarm>.fromOpaque(pointer).takeRetainedValue().ring()
}
