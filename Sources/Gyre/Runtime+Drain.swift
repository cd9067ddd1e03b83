import GyreCore

/// How a drain went.
public struct DrainReport: Sendable, Equatable {
    /// Whether everything that had been taken on ran to its end within the soft limit.
    public let isComplete: Bool
    /// Workers whose body did not return by the hard limit. Their threads go on until it does.
    public let abandonedWorkers: Int
    /// Async and blocking bodies and graph runs that have not ended: bodies that ignore being cancelled, callers that
    /// are inside `run`, and runs whose turn behind such a one has not come. Their handles settle when they end.
    public let unfinishedRuns: Int
}

extension Runtime {
    /// Ends the runtime: nothing new is taken on, what was taken on may finish.
    ///
    /// Until `soft` everything that is queued or running goes on, the tasks that it starts included. Then running
    /// work is asked to stop: async bodies are cancelled, synchronous ones see ``AgentTask/isCancelled``, graphs
    /// start no further nodes. At `hard` whatever is still queued is settled as cancelled by shutdown, and the
    /// workers end.
    ///
    /// - Returns: At the latest shortly after `hard`. A second call waits in the same way and finds nothing to do.
    /// - Concurrency: From anywhere but a task of this runtime, which would wait for itself.
    @discardableResult
    public func drain(soft: Duration = .seconds(10), hard: Duration = .seconds(30)) async -> DrainReport {
        if pool.configuration.isDriven { return await drainDriven(soft: soft, hard: hard) }
        return await untilWoken { continuation in
            do {
                let thread = try PosixThread(name: "gyre-drain") {
                    continuation.wake(returning: self.drainAndBlock(soft: soft, hard: hard))
                }
                thread.detach()
            } catch {
                // The system starts no thread: better to block this one than not to drain.
                continuation.wake(returning: drainAndBlock(soft: soft, hard: hard))
            }
        }
    }

    /// As ``drain(soft:hard:)``, for programs without async functions: blocks the calling thread, which must not be a
    /// worker.
    @available(*, noasync, message: "use drain, which suspends instead of blocking a thread")
    @discardableResult
    public func drainBlocking(soft: Duration = .seconds(10), hard: Duration = .seconds(30)) -> DrainReport {
        drainAndBlock(soft: soft, hard: hard)
    }

    private func drainAndBlock(soft: Duration, hard: Duration) -> DrainReport {
        precondition(!pool.configuration.isDriven, "who drives a runtime ends it: nobody else makes time pass")
        precondition(WorkerSeat(of: pool) == nil, "a task of a runtime cannot drain it: it would wait for itself")
        let began = clock.now
        let softLimit = began + min(soft, hard)
        let hardLimit = began + hard
        intake.close()
        var isComplete = finish(until: softLimit)
        if !isComplete {
            pool.askToStop()
            runners.cancelAll()
            blockingLane.cancelRunning()
            isComplete = finish(until: hardLimit)
        }
        if !isComplete { pool.discardQueued() }
        timers.close()
        _ = blockingLane.close(until: hardLimit)  // bodies that are left are among the unfinished
        pool.close()
        if !isComplete { pool.emptyQueues() }
        // A submit that passed the intake just before it closed may have come after the last look: its body is waited
        // for as all others are, and no longer.
        _ = pool.join(until: hardLimit + .milliseconds(100))
        let abandoned = pool.workersLeft
        if abandoned == 0 { runners.dismissAll() }
        engine.runtimeEnded()
        parts.runtimeEnded()
        return DrainReport(
            isComplete: isComplete && abandoned == 0 && !pool.isStopping, abandonedWorkers: abandoned,
            unfinishedRuns: Int(clamping: intake.inside))
    }

    /// Waits until every long task has ended and nothing is queued or running.
    private func finish(until limit: MonotonicInstant) -> Bool {
        intake.wait(until: limit, clock: clock) && pool.waitUntilQuiet(until: limit)
    }

    /// What the runtime did since it started and is doing now.
    ///
    /// - Complexity: O(workers + threads that submit + parts).
    /// - Concurrency: Any thread. Disturbs no worker; takes the short lock of each cache and of the blocking threads.
    public func snapshot() -> RuntimeSnapshot {
        var snapshot = pool.snapshot()
        snapshot.runsLive = intake.inside
        snapshot.timersWaiting = timers.waiting
        snapshot.blocking = blockingLane.snapshot()
        snapshot.caches = parts.all.compactMap(\.cacheSnapshot)
        return snapshot
    }
}
