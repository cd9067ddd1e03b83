import GyreCore

// The drain of a driven runtime. It has no thread that could wait for work to end: whoever drives the runtime takes
// the next step of the drain when nothing else can run, and a timer at each limit makes him stop there. So what a
// step wakes runs on the runtime, in the order of its seed, before the next step is taken.

/// How far a driven drain is.
///
///     idle ──begin──▶ finishing ──soft──▶ stopping ──hard──▶ waking ──▶ leaving ──▶ over
///                         └──────── all has ended ──────────────▲
struct DrivenDrain: Sendable {
    enum Phase { case idle, finishing, stopping, waking, leaving, over }

    var phase = Phase.idle
    var softLimit = MonotonicInstant.distantFuture
    var hardLimit = MonotonicInstant.distantFuture
    /// Whether everything had ended by itself, or after it was asked to.
    var isComplete = false
    var report: DrainReport?
    /// Callers of ``Runtime/drain(soft:hard:)``.
    var callers: [UnsafeContinuation<DrainReport, Never>] = []
}

extension Runtime {
    /// As ``drain(soft:hard:)``, in the steps of who drives this runtime.
    nonisolated func drainDriven(soft: Duration, hard: Duration) async -> DrainReport {
        beginDrivenDrain(soft: soft, hard: hard)
        return await untilWoken { continuation in
            let report = drivenDrain.withLock { drain in
                if drain.report == nil { drain.callers.append(continuation) }
                return drain.report
            }
            if let report { continuation.wake(returning: report) }
        }
    }

    /// Begins the drain of a driven runtime, if it has not begun.
    package func beginDrivenDrain(soft: Duration, hard: Duration) {
        precondition(pool.configuration.isDriven, "only a driven runtime is drained in steps")
        let isFirst = drivenDrain.withLock { drain in
            guard drain.phase == .idle else { return false }
            drain.phase = .finishing
            drain.softLimit = stop(after: min(soft, hard))
            drain.hardLimit = stop(after: hard)
            return true
        }
        if isFirst { intake.close() }
    }

    /// How the drain went; `nil` until it is over.
    package var drivenDrainReport: DrainReport? {
        drivenDrain.withLock { $0.phase == .over ? $0.report : nil }
    }

    /// The next step of a drain, when nothing can run. False when there is none to take now.
    package func stepDrivenDrain() -> Bool {
        let drain = drivenDrain.withLock { $0 }
        let hasEnded = intake.inside == 0 && pool.isQuiet
        let now = clock.now
        switch drain.phase {
        case .idle, .over: return false
        case .finishing where hasEnded, .stopping where hasEnded || now >= drain.hardLimit:
            // Waiters are told while there is still somebody to run them.
            timers.close()
            _ = blockingLane.close(until: now)
            drivenDrain.withLock { drain in
                drain.isComplete = hasEnded
                drain.phase = .waking
            }
        case .finishing where now >= drain.softLimit:
            pool.askToStop()
            runners.cancelAll()
            blockingLane.cancelRunning()
            drivenDrain.withLock { $0.phase = .stopping }
        case .finishing, .stopping: return false
        case .waking:
            engine.runtimeEnded()
            parts.runtimeEnded()
            runners.dismissAll()
            let report = DrainReport(
                isComplete: drain.isComplete && !pool.isStopping, abandonedWorkers: 0,
                unfinishedRuns: Int(clamping: intake.inside))
            let callers = drivenDrain.withLock { drain in
                drain.phase = .leaving
                drain.report = report
                return drain.callers
            }
            for caller in callers { caller.wake(returning: report) }
        case .leaving:
            pool.close()
            _ = pool.join(until: now)
            drivenDrain.withLock { $0.phase = .over }
            return false
        }
        return true
    }

    /// An instant at which time stops on its way. Now, when no timer is free for it.
    private func stop(after duration: Duration) -> MonotonicInstant {
        let now = clock.now
        guard duration > .zero else { return now }
        do {
            let instant = now + duration
            _ = try timers.insert(due: instant, passBy, 0, 0)
            return instant
        } catch {
            return now
        }
    }
}

/// The timer of a limit wakes nobody: that time stops there is all of its use.
private let passBy: TimerFunction = { _, _ in }
