import GyreCore
import GyrePolicy

/// What a dependency learns from its attempts: measurements of many threads, and the controllers that decide by them.
///
/// Measuring is lock-free. Once in a window the attempt that finds it over lets the controllers decide, under a lock.
///
/// `@unchecked Sendable`: words and cell are atomics; everything else is behind the lock.
final class DependencyTuner: @unchecked Sendable {
    /// Latencies of attempts that succeeded, since the beginning.
    private let latencies = HistogramCell()
    private let lines = WordLines(count: 2)

    // Line 0 is read at each attempt and written once in a window.
    private var nextDecision: SharedWord { lines.word(0, onLine: 0) }
    private var usual: SharedWord { lines.word(1, onLine: 0) }
    private var slowest: SharedWord { lines.word(2, onLine: 0) }
    // Line 1 is written by attempts that are out of the common.
    private var congested: SharedWord { lines.word(0, onLine: 1) }
    private var inUseMax: SharedWord { lines.word(1, onLine: 1) }
    private var full: SharedWord { lines.word(2, onLine: 1) }

    struct Controllers: Sendable {
        var limit: AdaptiveController?
        var latency = LatencyController()
        var usualNanoseconds: Double?
        fileprivate var limitWindow = Mark()
        fileprivate var latencyWindow = Mark()
    }

    /// Where a window began.
    fileprivate struct Mark: Sendable {
        var instant = MonotonicInstant.distantPast
        var latencies = LatencyHistogram()
        var congested: UInt64 = 0
    }

    let controllers = Lock(Controllers())

    /// Finagle refreshes its percentiles as often.
    private static let latencyWindowNanoseconds: UInt64 = 3_000_000_000

    func begin(_ policies: Dependency.Policies, at now: MonotonicInstant) {
        controllers.withLock { controllers in
            if controllers.limit?.configuration != policies.adaptiveLimit {
                controllers.limit = policies.adaptiveLimit.map { AdaptiveController($0) }
                controllers.limitWindow = Mark(instant: now, latencies: latencies.read(), congested: congested.state)
            }
            if controllers.latencyWindow.instant == .distantPast { controllers.latencyWindow.instant = now }
        }
        nextDecision.update { ($0 == 0 ? now.nanoseconds : $0, ()) }
    }

    // MARK: - Measuring

    /// An attempt has ended. True when it is the one that ends a window.
    func measure(
        _ failure: ErrorClass?, _ nanoseconds: UInt64, inUse: UInt32, _ window: UInt64, at now: MonotonicInstant
    ) -> Bool {
        switch failure {
        case nil: latencies.recordShared(nanoseconds: nanoseconds)
        case .timedOut, .overloaded: congested.update { ($0 &+ 1, ()) }
        default: break
        }
        if UInt64(inUse) > inUseMax.state { inUseMax.update { (max($0, UInt64(inUse)), ()) } }
        guard now.nanoseconds >= nextDecision.state else { return false }
        return nextDecision.update { due in
            now.nanoseconds >= due ? (now.nanoseconds.addingSaturating(window), true) : (due, false)
        }
    }

    /// A call found no permit.
    func wasFull() {
        if full.state == 0 { full.update { _ in (1, ()) } }
    }

    // MARK: - What was learned

    /// The 95th percentile of attempts as they usually are; `nil` as long as nobody knows.
    var usualNanoseconds: UInt64? { Self.known(usual.state) }
    /// What 99.9 % of the attempts take at most; `nil` as long as nobody knows.
    var slowestNanoseconds: UInt64? { Self.known(slowest.state) }

    private static func known(_ word: UInt64) -> UInt64? { word == 0 ? nil : word }

    /// Publishes the figures that attempts read.
    private func publish(_ controllers: Controllers) {
        slowest.update { _ in (controllers.latency.slowest.value ?? 0, ()) }
        usual.update { _ in (controllers.usualNanoseconds.map { UInt64($0) } ?? 0, ()) }
    }

    // MARK: - Deciding

    /// Lets the controllers decide. Returns the concurrency limit, if there is an adaptive one.
    func decide(at now: MonotonicInstant) -> UInt32? {
        controllers.withLock { controllers in
            let all = latencies.read()
            decideLatency(&controllers, all, at: now)
            defer { publish(controllers) }
            guard var limit = controllers.limit else { return nil }
            let began = controllers.limitWindow
            var window = AdaptiveWindow(began: began.instant)
            window.latencies = all.since(began.latencies)
            window.congested = congested.state &- began.congested
            window.inFlightMax = UInt32(clamping: inUseMax.state)
            window.wasFull = full.state != 0
            guard limit.isComplete(window, at: now) else { return limit.limit.value }
            limit.update(window, at: now)
            controllers.limit = limit
            controllers.limitWindow = Mark(instant: now, latencies: all, congested: congested.state)
            inUseMax.update { _ in (0, ()) }
            full.update { _ in (0, ()) }
            return limit.limit.value
        }
    }

    private func decideLatency(
        _ controllers: inout Controllers, _ all: LatencyHistogram, at now: MonotonicInstant
    ) {
        let began = controllers.latencyWindow
        guard now.nanoseconds(since: began.instant) >= Self.latencyWindowNanoseconds else { return }
        let window = all.since(began.latencies)
        controllers.latency.update(window, at: now)
        controllers.latencyWindow = Mark(instant: now, latencies: all)
        guard window.count >= LatencyController.hedgeSamplesMin,
            let late = window.nanoseconds(atPercentile: 95).map(Double.init)
        else { return }
        // An exponential mean of ten windows, as the median's in LatencyController.
        controllers.usualNanoseconds = controllers.usualNanoseconds.map { $0 + (late - $0) * 2 / 11 } ?? late
    }

    /// Moves a controller by hand.
    func adjust(_ change: (inout Controllers) -> Void) -> UInt32? {
        controllers.withLock { controllers in
            change(&controllers)
            publish(controllers)
            return controllers.limit?.limit.value
        }
    }
}
