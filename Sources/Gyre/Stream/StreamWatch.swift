import GyreCore
public import GyrePolicy

/// A body put out nothing for longer than its stream allows.
public struct StreamTimeout: Error, Sendable, Hashable, CustomStringConvertible, ClassifiedError {
    /// What was allowed.
    public let idle: Duration

    public var errorClass: ErrorClass { .timedOut }
    public var description: String { "nothing was put out for \(idle)" }
}

/// Gives a stream up whose body shows no sign of life. One timer, set anew when it fires and not for each sign.
///
/// - Concurrency: The timer thread asks and gives up; a short lock for each change.
final class StreamWatch: Sendable {
    private enum State {
        /// The body has not begun.
        case ready
        /// None while the timer is being set, or does its work.
        case waiting(TimerToken)
        case over
    }

    private let idle: Duration
    private let timers: TimerService
    private let clock: MonotonicClock
    /// The last sign of life, `nil` when there is nothing to watch any more.
    private let lastSign: @Sendable () -> MonotonicInstant?
    private let giveUp: @Sendable (any Error) -> Void
    private let state = Lock(State.ready)

    init(
        idle: Duration, timers: TimerService, clock: MonotonicClock,
        lastSign: @escaping @Sendable () -> MonotonicInstant?, giveUp: @escaping @Sendable (any Error) -> Void
    ) {
        self.idle = idle
        self.timers = timers
        self.clock = clock
        self.lastSign = lastSign
        self.giveUp = giveUp
    }

    /// The body begins.
    ///
    /// - Throws: ``SubmitError`` when no timer is free, or the runtime has ended.
    func begin() throws(SubmitError) {
        let isFirst = state.withLock { state in
            guard case .ready = state else { return false }
            state = .waiting(.none)
            return true
        }
        if isFirst { try setTimer(clock.now + idle) }
    }

    /// The body has ended.
    func end() {
        let token: TimerToken = state.withLock { state in
            defer { state = .over }
            if case .waiting(let token) = state { return token }
            return .none
        }
        if token != .none { takeBack(token) }
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
            case .waiting: return false
            case .ready, .over: return true
            }
            return false
        }
        if isLate { takeBack(token) }
    }

    private func takeBack(_ token: TimerToken) {
        if timers.cancel(token) { Unmanaged.passUnretained(self).release() }
    }

    fileprivate func look() {
        guard let last = lastSign() else { return }
        if timers.isClosed { return giveUp(GyreError(code: .closed)) }  // nobody will look again
        let due = last + idle
        if due <= clock.now { return giveUp(StreamTimeout(idle: idle)) }
        let isWanted = state.withLock { state in
            guard case .waiting = state else { return false }
            state = .waiting(.none)
            return true
        }
        guard isWanted else { return }
        do throws(SubmitError) {
            try setTimer(due)
        } catch {
            giveUp(error)  // nobody would notice its silence
        }
    }
}

/// The word is a retained watch.
private let lookAtStream: TimerFunction = { word, _ in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<StreamWatch>.fromOpaque(pointer).takeRetainedValue().look()
}
