internal import Synchronization

/// How long the workers of a pool look for work before they sleep, and what shows whether looking pays: how long they
/// were without work each time, and what a wake-up took.
///
/// Measured where a worker has nothing to do, or has just been woken: a task that finds its worker awake pays nothing
/// for it. Once in a second the worker that is about to sleep lets somebody decide anew.
package final class SearchTime: Sendable {
    /// What was measured between the last two looks.
    package struct Measurements: Sendable {
        /// From running out of work until there was some. Where a submit woke the worker, its stamp is the end.
        package private(set) var gaps = HistogramWindow()
        /// From a submit to the start of its task, by a worker that it woke.
        package private(set) var wakes = HistogramWindow()

        package init() {}

        /// Looks again, in the memory of the look before.
        package mutating func advance(over time: SearchTime) {
            gaps.advance(over: time.gaps)
            wakes.advance(over: time.wakes)
        }
    }

    /// Decides how long to look from now on, and sets it.
    package typealias Decision = @Sendable (SearchTime, MonotonicInstant) -> Void

    private static let standardNanoseconds: UInt64 = 10_000
    private static let windowNanoseconds: UInt64 = 1_000_000_000

    private let gaps = HistogramCell()
    private let wakes = HistogramCell()
    private let decision: Decision?
    private let lines = WordLines(count: 1)
    /// When somebody decides next; never, while a worker is at it.
    private var next: SharedWord { lines.word(onLine: 0) }
    private let limit = Atomic<UInt64>(SearchTime.standardNanoseconds)

    init(_ decision: Decision?) {
        self.decision = decision
    }

    /// How long a worker looks that expects to find something. A lone number: relaxed.
    var nanoseconds: UInt64 { limit.load(ordering: .relaxed) }

    /// Sets how long workers look, from their next search on.
    package func set(nanoseconds: UInt64) { limit.store(nanoseconds, ordering: .relaxed) }

    func recordGap(nanoseconds: UInt64) { gaps.recordShared(nanoseconds: nanoseconds) }
    func recordWake(nanoseconds: UInt64) { wakes.recordShared(nanoseconds: nanoseconds) }

    /// By a worker that is about to sleep: decides when it is time to.
    func decide(at now: UInt64) {
        guard let decision, now >= next.state else { return }
        let isMine = next.update { due in now >= due ? (UInt64.max, true) : (due, false) }
        guard isMine else { return }
        decision(self, MonotonicInstant(nanoseconds: now))
        next.update { _ in (now.addingSaturating(Self.windowNanoseconds), ()) }
    }
}
