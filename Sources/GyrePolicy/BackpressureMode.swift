/// What a submit does when its queue is full. Every queue is bounded, so every submit has an answer to this.
public enum BackpressureMode: String, Sendable, Hashable, CaseIterable {
    /// The submitting task waits for room. The default: it slows down whoever produces too much.
    case suspend
    /// The submit returns `full`.
    case fail
    /// The task that has been queued for longest is shed.
    case shedOldest
    /// The least urgent task is shed: of the lowest class the one that came last. It may be the new one itself.
    case shedLowest
    /// The submitting thread runs the task itself.
    case callerRuns
}
