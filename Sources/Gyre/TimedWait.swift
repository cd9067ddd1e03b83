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

/// One suspended task. Woken once: by its timer, by a cancel, by the end of the runtime, or by somebody else.
///
/// Not generic, because the timer calls what it finds: generic code would look up its types each time, for a third of
/// what a timer costs.
///
/// `@unchecked Sendable`: the continuation is taken out under the lock by whoever wakes.
class TimedSleep: @unchecked Sendable {
    fileprivate typealias Continuation = UnsafeContinuation<End, Never>

    enum End { case woken, due, cancelled, closed, full }

    /// Small: an optional token would be a ninth byte of its own, and waits are what there are a million of. The token
    /// is none until the timer is set.
    private enum State {
        case awake
        case asleep(Continuation, TimerToken)
        /// Woken before it slept.
        case early(End)
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
    @inline(__always)
    final nonisolated(nonsending) func sleep(until deadline: MonotonicInstant?) async -> End {
        if let deadline { (self.deadline, hasDeadline) = (deadline, true) }
        return await withTaskCancellationHandler {
            await untilWoken { start($0) }
        } onCancel: {
            _ = end(.cancelled)
        }
    }

    private final func start(_ continuation: Continuation) {
        let early: End? = state.withLock { state in
            if case .early(let end) = state {
                state = .done
                return end
            }
            state = .asleep(continuation, .none)
            return nil
        }
        if let early { return continuation.wake(returning: early) }
        guard hasDeadline else { return }
        let retained = Unmanaged<TimedSleep>.passRetained(self)
        do {
            let token = try timers.insert(
                due: deadline, endTimedSleep, UInt64(UInt(bitPattern: retained.toOpaque())), 0)
            keep(token)
        } catch {
            retained.release()
            _ = end(error == .closed ? .closed : .full)
        }
    }

    /// Remembers the token, unless the task was woken meanwhile: then a timer that still waits is taken back.
    private final func keep(_ token: TimerToken) {
        let isAsleep = state.withLock { state in
            guard case .asleep(let continuation, .none) = state else { return false }
            state = .asleep(continuation, token)
            return true
        }
        if !isAsleep { takeBack(token) }
    }

    private final func takeBack(_ token: TimerToken) {
        if timers.cancel(token) { Unmanaged.passUnretained(self).release() }
    }

    /// False when it has ended already. The first calls `prepare` before the task goes on.
    fileprivate final func end(_ end: End, prepare: () -> Void = {}) -> Bool {
        let (isFirst, sleeping): (Bool, (Continuation, TimerToken)?) = state.withLock { state in
            switch state {
            case .awake:
                prepare()
                state = .early(end)
                return (true, nil)
            case .asleep(let continuation, let token):
                prepare()
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

    fileprivate final func fire() {
        // The timer has fired, so there is no token to take back: it is forgotten first.
        state.withLock { state in
            if case .asleep(let continuation, _) = state { state = .asleep(continuation, .none) }
        }
        _ = end(timers.isClosed ? .closed : .due)
    }
}

/// A sleep from which somebody may wake the task with a word.
///
/// `@unchecked Sendable`: the word is written under the lock of the sleep by whoever ends it, before the task goes on.
final class TimedWait<Word: Sendable>: TimedSleep, @unchecked Sendable {
    private var word: Word?

    /// Suspends the calling task, and no thread, until it is woken, at the longest until `deadline`. Once in its life.
    nonisolated(nonsending) func wait(until deadline: MonotonicInstant?) async -> WaitEnd<Word> {
        switch await sleep(until: deadline) {
        case .woken:
            guard let word else { preconditionFailure("who wakes leaves a word") }
            return .woken(word)
        case .due: return .due
        case .cancelled: return .cancelled
        case .closed: return .closed
        case .full: return .full
        }
    }

    /// Ends the wait, even before it began. False when it has ended already.
    func wake(_ word: Word) -> Bool { end(.woken) { self.word = word } }
}

/// The word is a retained sleep.
private let endTimedSleep: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<TimedSleep>.fromOpaque(pointer).takeRetainedValue().fire()
}
