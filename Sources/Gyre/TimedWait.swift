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

    enum End: UInt64 { case woken, due, cancelled, closed, full }

    private let timers: TimerService
    private let state = Lock(State())

    init(timers: TimerService) { self.timers = timers }

    /// Suspends the calling task, and no thread, until it is woken, at the longest until `deadline`. Once in its life.
    @inline(__always)
    final nonisolated(nonsending) func sleep(until deadline: MonotonicInstant?) async -> End {
        // Here and not in the frame, where a closure would need a context for it.
        if let deadline { setDeadline(deadline) }
        return await withTaskCancellationHandler {
            await untilWoken { start($0) }
        } onCancel: {
            _ = end(.cancelled)
        }
    }

    private final func setDeadline(_ deadline: MonotonicInstant) {
        state.withLock { state in
            if case .awake = state.phase { state.phase = .awake(deadline: deadline) }
        }
    }

    private final func start(_ continuation: Continuation) {
        let (early, deadline): (End?, MonotonicInstant?) = state.withLock { state in
            switch state.phase {
            case .early(let end):
                state.phase = .done
                return (end, nil)
            case .awake(let deadline):
                state.phase = .asleep(continuation, .none)
                return (nil, deadline)
            case .asleep, .done: preconditionFailure("a sleep is slept once")
            }
        }
        if let early { return continuation.wake(returning: early) }
        guard let deadline else { return }
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
            guard case .asleep(let continuation, .none) = state.phase else { return false }
            state.phase = .asleep(continuation, token)
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
            switch state.phase {
            case .awake:
                prepare()
                state.phase = .early(end)
                return (true, nil)
            case .asleep(let continuation, let token):
                prepare()
                state.phase = .done
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
            if case .asleep(let continuation, _) = state.phase { state.phase = .asleep(continuation, .none) }
        }
        _ = end(timers.isClosed ? .closed : .due)
    }
}

extension TimedSleep {
    fileprivate enum Phase {
        case awake(deadline: MonotonicInstant?)
        /// The token is none until the timer is set.
        case asleep(Continuation, TimerToken)
        /// Woken before it slept.
        case early(End)
        case done
    }

    /// A phase in two words. There are a million sleeps at a time, and a ninth byte in one of the words would make the
    /// next size of the allocator of each of them, 64 bytes instead of 48.
    fileprivate struct State {
        /// Words that are no deadline: above those of ``End``.
        private static let done: UInt64 = 5
        private static let noDeadline: UInt64 = 6

        /// While it sleeps.
        private var continuation: Continuation?
        /// The timer's token while it sleeps; else how it ended, one of the words above, or the deadline. What is due
        /// in the first nanoseconds of the clock is due.
        private var word = State.noDeadline

        var phase: Phase {
            get {
                if let continuation { return .asleep(continuation, TimerToken(rawValue: word)) }
                if let end = End(rawValue: word) { return .early(end) }
                switch word {
                case Self.done: return .done
                case Self.noDeadline: return .awake(deadline: nil)
                default: return .awake(deadline: MonotonicInstant(nanoseconds: word))
                }
            }
            set {
                continuation = nil
                switch newValue {
                case .asleep(let continuation, let token): (self.continuation, word) = (continuation, token.rawValue)
                case .early(let end): word = end.rawValue
                case .done: word = Self.done
                case .awake(nil): word = Self.noDeadline
                case .awake(let deadline?): word = max(deadline.nanoseconds, Self.noDeadline + 1)
                }
            }
        }
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
