import GyreCore

/// What a handler's body knows of its call, and may say about it.
public struct TaskContext: Sendable {
    public let key: JobKey
    /// Counted from 1. An attempt that was snoozed or interrupted is not counted.
    public let attempt: Int
    let beat: Beat

    /// Says how far the work is. Counts the handler's idle time from anew, and is seen by whoever asks the engine.
    ///
    /// - Parameters:
    ///   - fraction: 0 to 1; what lies outside is taken for the nearer end.
    ///   - note: For people.
    /// - Complexity: O(1). A short lock. An engine outside this process is told with the next heartbeat.
    public func progress(_ fraction: Double, _ note: String = "") {
        beat.note(JobProgress(fraction: fraction, note: note))
    }
}

/// How far a job is.
public struct JobProgress: Sendable, Hashable {
    /// 0 to 1.
    public let fraction: Double
    public let note: String

    public init(fraction: Double, note: String = "") {
        self.fraction = fraction.isNaN ? 0 : min(1, max(0, fraction))
        self.note = note
    }
}

/// The last sign of life of a body, between it and whoever watches it.
final class Beat: Sendable {
    private struct State {
        var last: MonotonicInstant
        var progress: JobProgress?
        var isNew = false
    }

    private let clock: MonotonicClock
    private let state: Lock<State>
    private let tell: (@Sendable (JobProgress) -> Void)?

    /// - Parameter tell: Hears of progress at once.
    init(_ clock: MonotonicClock, tell: (@Sendable (JobProgress) -> Void)? = nil) {
        self.clock = clock
        self.tell = tell
        state = Lock(State(last: clock.now))
    }

    func note(_ progress: JobProgress) {
        let now = clock.now
        state.withLock { $0 = State(last: now, progress: progress, isNew: true) }
        tell?(progress)
    }

    var last: MonotonicInstant { state.withLock { $0.last } }

    /// Progress that nobody has taken yet.
    func take() -> JobProgress? {
        state.withLock { state in
            defer { state.isNew = false }
            return state.isNew ? state.progress : nil
        }
    }
}
