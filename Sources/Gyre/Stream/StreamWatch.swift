import GyreCore
public import GyrePolicy

/// A body put out nothing for longer than its stream allows.
public struct StreamTimeout: Error, Sendable, Hashable, CustomStringConvertible, ClassifiedError {
    /// What was allowed.
    public let idle: Duration

    public var errorClass: ErrorClass { .timedOut }
    public var description: String { "nothing was put out for \(idle)" }
}

/// What a body shows of itself.
enum StreamSign: Equatable {
    case alive(at: MonotonicInstant)
    /// It has put out more than its reader takes, and is not silent.
    case waitsForReader
    /// There is nothing to watch any more.
    case ended
}

/// Gives a stream up whose body shows no sign of life. One timer, set anew when it fires and not for each sign, and
/// none while the body waits for its reader.
///
/// - Concurrency: The timer thread asks and gives up; a short lock for each change.
final class StreamWatch: Sendable {
    private enum State {
        /// The body has not begun, or waits for its reader.
        case resting
        /// None while the timer is being set, or does its work.
        case waiting(TimerToken)
        case over
    }

    private let idle: Duration
    private let timers: TimerService
    private let clock: MonotonicClock
    private let sign: @Sendable () -> StreamSign
    private let giveUp: @Sendable (any Error) -> Void
    private let state = Lock(State.resting)

    init(
        idle: Duration, timers: TimerService, clock: MonotonicClock, sign: @escaping @Sendable () -> StreamSign,
        giveUp: @escaping @Sendable (any Error) -> Void
    ) {
        self.idle = idle
        self.timers = timers
        self.clock = clock
        self.sign = sign
        self.giveUp = giveUp
    }

    /// - Throws: ``SubmitError`` when no timer is free, or the runtime has ended.
    func bodyBegins() throws(SubmitError) {
        if wakesUp() { try setTimer(clock.now + idle) }
    }

    /// The body does not wait for its reader any more.
    func bodyGoesOn() {
        if wakesUp() { setTimerOrGiveUp(clock.now + idle) }
    }

    /// The stream has ended.
    func end() {
        let token: TimerToken = state.withLock { state in
            defer { state = .over }
            if case .waiting(let token) = state { return token }
            return .none
        }
        if token != .none { takeBack(token) }
    }

    /// False when a timer is there already, or nothing is to be watched.
    private func wakesUp() -> Bool {
        state.withLock { state in
            guard case .resting = state else { return false }
            state = .waiting(.none)
            return true
        }
    }

    private func setTimer(_ due: MonotonicInstant) throws(SubmitError) {
        let retained = Unmanaged.passRetained(self)
        let token: TimerToken
        do {
            token = try timers.insert(due: due, lookAtStream, UInt64(UInt(bitPattern: retained.toOpaque())), 0)
        } catch {
            retained.release()
            throw error
        }
        // It may have fired by now and have set the next one, so that this token names nothing, or takes the place of
        // that one's. A timer whose token is lost finds nothing to watch when it fires.
        let isLate = state.withLock { state in
            switch state {
            case .waiting(.none): state = .waiting(token)
            case .waiting, .resting: return false
            case .over: return true
            }
            return false
        }
        if isLate { takeBack(token) }
    }

    private func setTimerOrGiveUp(_ due: MonotonicInstant) {
        do throws(SubmitError) {
            try setTimer(due)
        } catch {
            giveUp(GyreError(refusal: error))  // nobody would notice its silence
        }
    }

    private func takeBack(_ token: TimerToken) {
        if timers.cancel(token) { Unmanaged.passUnretained(self).release() }
    }

    fileprivate func look() {
        let sign = sign()
        if sign == .ended { return }
        if timers.isClosed { return giveUp(GyreError(code: .closed)) }  // nobody will look again
        switch sign {
        case .ended: return
        case .waitsForReader:
            // Who lets the body go on looks for a watch at rest: said first, looked again then.
            if become(.resting), self.sign() != .waitsForReader { bodyGoesOn() }
        case .alive(let instant):
            let due = instant + idle
            if due <= clock.now { return giveUp(StreamTimeout(idle: idle)) }
            if become(.waiting(.none)) { setTimerOrGiveUp(due) }
        }
    }

    /// The timer has fired. False when the stream has ended meanwhile.
    private func become(_ next: State) -> Bool {
        state.withLock { state in
            guard case .waiting = state else { return false }
            state = next
            return true
        }
    }
}

/// The word is a retained watch.
private let lookAtStream: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<StreamWatch>.fromOpaque(pointer).takeRetainedValue().look()
}
