import GyreCore

/// One piece of work that many callers wait for: a load of a cache, a run under an idempotency key.
///
/// It runs as a task of the runtime. A caller that is cancelled leaves by itself; when the last one has left, the task
/// is cancelled, unless the flight is kept.
final class Flight<Value: Sendable>: Sendable {
    private enum Seat {
        case taken
        case waiting(UnsafeContinuation<Result<Value, any Error>, Never>)
    }

    private struct State {
        var seats: [UInt64: Seat] = [:]
        var seatsEver: UInt64 = 0
        var result: Result<Value, any Error>?
        var cancel: (@Sendable () -> Void)?
        var isAbandoned = false
        var isLanding = false
    }

    /// Whether it goes on when nobody waits.
    let isKept: Bool
    private let state = Lock(State())

    init(isKept: Bool) { self.isKept = isKept }

    /// A seat to wait in; `nil` when everybody has left: the flight ends without a result.
    func join() -> UInt64? {
        state.withLock { state in
            guard !state.isAbandoned else { return nil }
            state.seatsEver += 1
            state.seats[state.seatsEver] = .taken
            return state.seatsEver
        }
    }

    /// Waits for the result, in a seat that was joined.
    ///
    /// - Throws: The error of the work, or `CancellationError` when the caller is cancelled first.
    nonisolated(nonsending) func wait(in seat: UInt64) async throws -> Value {
        let result = await withTaskCancellationHandler {
            await untilWoken { continuation in
                let known: Result<Value, any Error>? = state.withLock { state in
                    // Who was cancelled learns that, and not what became of a flight that everybody had left.
                    guard state.seats[seat] != nil else { return .failure(CancellationError()) }
                    state.seats[seat] = state.result == nil ? .waiting(continuation) : nil
                    return state.result
                }
                if let known { continuation.wake(returning: known) }
            }
        } onCancel: {
            leave(seat)
        }
        return try result.get()
    }

    private func leave(_ seat: UInt64) {
        let (left, cancel): (Seat?, (@Sendable () -> Void)?) = state.withLock { state in
            let left = state.seats.removeValue(forKey: seat)
            guard left != nil, !isKept, state.result == nil, state.seats.isEmpty else { return (left, nil) }
            state.isAbandoned = true
            return (left, state.cancel.take())
        }
        cancel?()
        if case .waiting(let continuation)? = left { continuation.wake(returning: .failure(CancellationError())) }
    }

    /// Who runs the work says how to cancel it: at once, when everybody has left already.
    func began(_ cancel: @escaping @Sendable () -> Void) {
        let isAbandoned = state.withLock { state in
            if state.result == nil, !state.isAbandoned { state.cancel = cancel }
            return state.isAbandoned
        }
        if isAbandoned { cancel() }
    }

    /// The right to land the flight, which one caller gets: its body, or who learns that the body never ran.
    func claimLanding() -> Bool {
        state.withLock { state in
            defer { state.isLanding = true }
            return !state.isLanding
        }
    }

    /// Ends the flight. By who claimed it.
    func land(_ result: Result<Value, any Error>) {
        let waiting: [UnsafeContinuation<Result<Value, any Error>, Never>] = state.withLock { state in
            state.result = result
            state.cancel = nil
            let waiting = state.seats.compactMap { seat, held in
                if case .waiting(let continuation) = held { (seat, continuation) } else { nil }
            }
            // Who has joined and does not wait yet keeps the seat and finds the result.
            for (seat, _) in waiting { state.seats[seat] = nil }
            return waiting.map(\.1)
        }
        for continuation in waiting { continuation.wake(returning: result) }
    }

    /// Whether everybody has left before there was a result.
    var isAbandoned: Bool { state.withLock { $0.isAbandoned } }
}

extension Runtime {
    /// Runs `work` as a task, for `flight`. `landed` is called once with what came of it, also when the task never ran;
    /// what it returns is what the waiters get.
    func fly<Value: Sendable>(
        _ flight: Flight<Value>, _ work: nonisolated(nonsending) @escaping @Sendable () async throws -> Value,
        landed: @escaping @Sendable (Result<Value, any Error>) -> Result<Value, any Error>
    ) {
        let land: @Sendable (Result<Value, any Error>) -> Void = { result in
            if flight.claimLanding() { flight.land(landed(result)) }
        }
        do {
            let handle = try post { () async throws in
                let result: Result<Value, any Error>
                do {
                    result = .success(try await work())
                } catch {
                    result = .failure(error)
                }
                land(result)
                _ = try result.get()  // a failure is counted as one
            }
            flight.began { handle.cancel() }
            handle.task.whenSettled {
                // A task that never ran has no other end; after a body this changes nothing.
                do { try handle.outcome?.get() } catch { land(.failure(error)) }
            }
        } catch {
            land(.failure(GyreError(refusal: error)))
        }
    }
}
