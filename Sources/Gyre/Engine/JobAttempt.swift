import GyreCore
import GyrePolicy

/// One attempt of one job: its body, and what watches it. Says how it ended, and tells nobody.
struct JobAttempt: Sendable {
    let runtime: Runtime
    let engine: any Engine
    let handler: AnyTaskHandler
    let leased: LeasedJob
    /// What chance follows from.
    let seed: UInt64
    let beat: Beat
    /// Whether the lease ends without them.
    var sendsHeartbeats = true

    /// How an attempt ended, and what its body threw.
    struct End: Sendable {
        let ending: AttemptEnding
        var error: (any Error)?
    }

    private enum Step: Sendable {
        case returned([UInt8])
        case threw(any Error)
        /// The lease is somebody else's.
        case lost
        case late
        case silent
        /// The watch was called off.
        case stopped
    }

    /// Runs the body. Waits for it also when it is too late and cancelled, until it returns.
    ///
    /// - Parameter enter: Takes the body to where it runs.
    /// - Returns: `nil` when the lease was lost: there is nobody to tell.
    func run(
        _ enter: @escaping @Sendable (@escaping @Sendable () async throws -> [UInt8]) async throws -> [UInt8]
    ) async -> End? {
        let context = TaskContext(key: leased.job.key, attempt: leased.attempt, beat: beat)
        let (handler, input) = (handler, leased.job.input)
        let first = await withTaskGroup(of: Step.self) { group in
            group.addTask {
                do {
                    return .returned(try await enter { try await handler.body(input, context) })
                } catch {
                    return .threw(error)
                }
            }
            group.addTask { await watch() }
            var step = await group.next() ?? .stopped
            // The watch stops by itself when there is nothing to watch, both are cancelled, or the timers have closed.
            if case .stopped = step { step = await group.next() ?? .stopped }
            group.cancelAll()
            return step
        }
        switch first {
        case .returned(let output): return End(ending: .succeeded(output))
        case .threw(let error): return End(ending: ending(after: error), error: error)
        case .late: return failed(HandlerTimeout(handler: handler.name, limit: .attempt))
        case .silent: return failed(HandlerTimeout(handler: handler.name, limit: .idle))
        case .lost, .stopped: return nil
        }
    }

    private func failed(_ error: HandlerTimeout) -> End { End(ending: ending(after: error), error: error) }

    /// Sends heartbeats, and looks whether the body takes too long or is silent for too long.
    private func watch() async -> Step {
        let (limits, clock) = (handler.limits, runtime.clock)
        // Without limits and heartbeats there is nothing to watch.
        if !sendsHeartbeats, limits.attempt == nil, limits.idle == nil { return .stopped }
        let third = leased.lease.length / 3
        let late = limits.attempt.map { clock.now + $0 } ?? .distantFuture
        var nextBeat = sendsHeartbeats ? clock.now + third : .distantFuture
        while true {
            let silent = limits.idle.map { beat.last + $0 } ?? .distantFuture
            do {
                try await runtime.sleep(until: min(nextBeat, late, silent))
            } catch is CancellationError {
                return .stopped
            } catch {
                return .threw(error)  // no timer is free: better no attempt than one that nobody watches
            }
            let now = clock.now
            if now >= late { return .late }
            if let idle = limits.idle, now >= beat.last + idle { return .silent }
            guard now >= nextBeat else { continue }
            nextBeat = now + third
            do throws(EngineError) {
                try await engine.heartbeat(leased.lease, beat.take())
            } catch {
                if error.code == .leaseLost { return .lost }
                // An engine that does not answer may do so at the next beat; when it does not, the lease ends there.
            }
        }
    }

    private func ending(after error: any Error) -> AttemptEnding {
        if let snooze = error as? Snooze { return .snoozed(snooze.pause) }
        if error is CancellationError || (error as? GyreError)?.code == .closed { return .released }
        let now = runtime.clock.now
        let draw = SeededRandom.draw(seed: seed, index: leased.lease.number)
        let (_, verdict) = handler.limits.retry.verdict(
            after: FailedAttempt(ErrorClass(of: error), at: now), in: RetryState(attempts: leased.attempt - 1),
            draw: draw)
        let text = String(describing: error)
        switch verdict {
        case .retry(let due): return .failed(text, retryAfter: max(.zero, due - now))
        case .snooze(let due): return .snoozed(max(.zero, due - now))
        case .interrupted: return .released
        // The engine counts for itself: by its count too this was the last.
        case .stop(.attempts): return .failed(text, retryAfter: .zero)
        case .stop(.discarded): return .discarded(text)
        case .stop: return .failed(text, retryAfter: nil)
        }
    }
}

/// A handler took longer than its limits allow.
public struct HandlerTimeout: ClassifiedError, Equatable, CustomStringConvertible {
    public enum Limit: String, Sendable, CaseIterable { case attempt, idle }

    public let handler: String
    public let limit: Limit

    public var errorClass: ErrorClass { .timedOut }
    public var description: String {
        switch limit {
        case .attempt: return "handler \(handler): its attempt took too long"
        case .idle: return "handler \(handler): it gave no sign of progress for too long"
        }
    }
}
