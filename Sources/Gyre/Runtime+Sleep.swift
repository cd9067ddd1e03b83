import GyreCore

extension Runtime {
    /// Suspends the calling task, and no thread, until `deadline`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled first, or the runtime ends; ``SubmitError/full`` when
    ///   two million timers wait already.
    /// - Complexity: O(1). One allocation, and 64 bytes of the timing wheel while it waits.
    public nonisolated func sleep(until deadline: MonotonicInstant) async throws {
        let sleeper = Sleeper(timers: timers)
        try await withTaskCancellationHandler {
            try await withUnsafeThrowingContinuation { sleeper.start(until: deadline, $0) }
        } onCancel: {
            sleeper.cancel()
        }
    }

    /// Suspends the calling task, and no thread, for at least `duration`.
    ///
    /// - Throws: As ``sleep(until:)``.
    public nonisolated func sleep(for duration: Duration) async throws {
        try await sleep(until: clock.now + duration)
    }
}

/// One sleeping task. Woken once: by its timer, by a cancel, or by the end of the runtime.
///
/// `@unchecked Sendable`: the continuation is taken out under the lock by whoever wakes.
private final class Sleeper: @unchecked Sendable {
    /// 16 bytes: an optional token would be a ninth byte of its own, and a sleeper of 49 bytes takes 64 of the
    /// allocator's where one of 48 takes 48. The token is none until the timer is set.
    private enum State {
        case awake
        case asleep(UnsafeContinuation<Void, any Error>, TimerToken)
        case cancelled
        case done
    }

    private let timers: TimerService
    private let state = Lock<State>(.awake)

    init(timers: TimerService) { self.timers = timers }

    func start(until deadline: MonotonicInstant, _ continuation: UnsafeContinuation<Void, any Error>) {
        let isCancelled = state.withLock { state in
            if case .cancelled = state { return true }
            state = .asleep(continuation, .none)
            return false
        }
        guard !isCancelled else { return continuation.wake(throwing: CancellationError()) }
        let retained = Unmanaged.passRetained(self)
        do {
            let token = try timers.insert(due: deadline, wakeSleeper, UInt64(UInt(bitPattern: retained.toOpaque())), 0)
            keep(token)
        } catch {
            retained.release()
            let refusal: any Error = error == .closed ? CancellationError() : error
            take()?.wake(throwing: refusal)
        }
    }

    /// Remembers the token, unless the sleeper was woken meanwhile: then a timer that still waits is taken back.
    private func keep(_ token: TimerToken) {
        let isAsleep = state.withLock { state in
            guard case .asleep(let continuation, .none) = state else { return false }
            state = .asleep(continuation, token)
            return true
        }
        if !isAsleep { takeBack(token) }
    }

    private func takeBack(_ token: TimerToken) {
        if timers.cancel(token) { Unmanaged.passUnretained(self).release() }
    }

    func cancel() {
        let sleeping: (UnsafeContinuation<Void, any Error>, TimerToken)? = state.withLock { state in
            switch state {
            case .awake:
                state = .cancelled
                return nil
            case .asleep(let continuation, let token):
                state = .done
                return (continuation, token)
            case .cancelled, .done: return nil
            }
        }
        guard let (continuation, token) = sleeping else { return }
        if token != .none { takeBack(token) }
        continuation.wake(throwing: CancellationError())
    }

    func fire() {
        let isEarly = timers.isClosed
        let continuation = take()
        if isEarly { continuation?.wake(throwing: CancellationError()) } else { continuation?.wake() }
    }

    private func take() -> UnsafeContinuation<Void, any Error>? {
        state.withLock { state in
            guard case .asleep(let continuation, _) = state else { return nil }
            state = .done
            return continuation
        }
    }
}

/// The word is a retained sleeper.
private let wakeSleeper: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<Sleeper>.fromOpaque(pointer).takeRetainedValue().fire()
}
