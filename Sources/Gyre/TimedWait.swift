import GyreCore

/// How a ``TimedWait`` ended.
enum WaitEnd<Word: Sendable>: Sendable {
    /// Somebody woke it with this.
    case woken(Word)
    /// Its time has come.
    case due
    /// Its task was cancelled.
    case cancelled
    /// The runtime ended.
    case closed
    /// No timer was free.
    case full
}

/// What the timer of a wait calls, whatever wakes the wait otherwise.
class TimedWaiting {
    fileprivate func fire() { preconditionFailure("a wait fires") }
}

/// One suspended task. Woken once: by somebody else, by its timer, by a cancel, or by the end of the runtime.
///
/// `@unchecked Sendable`: the continuation is taken out under the lock by whoever wakes.
final class TimedWait<Word: Sendable>: TimedWaiting, @unchecked Sendable {
    private typealias Continuation = UnsafeContinuation<WaitEnd<Word>, Never>
    /// Small: an optional token would be a ninth byte of its own, and waits are what there are a million of. The token
    /// is none until the timer is set.
    private enum State {
        case awake
        case asleep(Continuation, TimerToken)
        /// Woken before it slept.
        case early(WaitEnd<Word>)
        case done
    }

    private let timers: TimerService
    /// Written before the wait begins. Here and not in the frame, where a closure would need a context for it.
    private var deadline = MonotonicInstant.distantFuture
    private let state = Lock<State>(.awake)
    /// Behind the state, whose last byte leaves room.
    private var hasDeadline = false

    init(timers: TimerService) { self.timers = timers }

    /// Suspends the calling task, and no thread, until it is woken, at the longest until `deadline`. Once in its life.
    nonisolated(nonsending) func wait(until deadline: MonotonicInstant?) async -> WaitEnd<Word> {
        if let deadline { (self.deadline, hasDeadline) = (deadline, true) }
        return await withTaskCancellationHandler {
            await untilWoken { start($0) }
        } onCancel: {
            _ = end(.cancelled)
        }
    }

    /// Ends the wait, even before it began. False when it has ended already.
    func wake(_ word: Word) -> Bool { end(.woken(word)) }

    private func start(_ continuation: Continuation) {
        let early: WaitEnd<Word>? = state.withLock { state in
            if case .early(let end) = state {
                state = .done
                return end
            }
            state = .asleep(continuation, .none)
            return nil
        }
        if let early { return continuation.wake(returning: early) }
        guard hasDeadline else { return }
        let retained = Unmanaged<TimedWaiting>.passRetained(self)
        do {
            let token = try timers.insert(
                due: deadline, endTimedWait, UInt64(UInt(bitPattern: retained.toOpaque())), 0)
            keep(token)
        } catch {
            retained.release()
            _ = end(error == .closed ? .closed : .full)
        }
    }

    /// Remembers the token, unless the task was woken meanwhile: then a timer that still waits is taken back.
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

    private func end(_ end: WaitEnd<Word>) -> Bool {
        let (isFirst, sleeping): (Bool, (Continuation, TimerToken)?) = state.withLock { state in
            switch state {
            case .awake:
                state = .early(end)
                return (true, nil)
            case .asleep(let continuation, let token):
                state = .done
                return (true, (continuation, token))
            case .early, .done: return (false, nil)
            }
        }
        guard let (continuation, token) = sleeping else { return isFirst }
        if token != .none { takeBack(token) }
        continuation.wake(returning: end)
        return true
    }

    fileprivate override func fire() {
        // The timer has fired, so there is no token to take back: it is forgotten first.
        state.withLock { state in
            if case .asleep(let continuation, _) = state { state = .asleep(continuation, .none) }
        }
        _ = end(timers.isClosed ? .closed : .due)
    }
}

/// The word is a retained wait.
private let endTimedWait: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<TimedWaiting>.fromOpaque(pointer).takeRetainedValue().fire()
}
