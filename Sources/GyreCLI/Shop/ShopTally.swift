#if CLI
import Gyre

/// What one dependency did in a run, as its callers saw it.
struct ShopTally: Sendable, Equatable {
    var calls: UInt64 = 0
    var answered: UInt64 = 0
    /// Calls that ended with the service's own error, by its kind.
    var failed: [ErrorKinds: UInt64] = [:]
    /// Calls that a policy ended, by the policy: refused, or given up at a timeout.
    var endedByPolicy: [PolicyKind: UInt64] = [:]
    /// Calls of which the service was asked at least once.
    var admitted: UInt64 = 0
    var attempts: UInt64 = 0
    /// Attempts but the first of each call.
    var retries: UInt64 = 0
    /// Attempts that failed, by the kind of their error.
    var attemptsFailed: [ErrorKinds: UInt64] = [:]
    /// The modes that the breaker was seen in, the first one first: what is shorter than the time between two calls
    /// may be missing.
    var modes: [BreakerMode] = []

    /// Whether each call has ended, and in one way.
    var isBalanced: Bool {
        calls == answered + failed.values.reduce(0, +) + endedByPolicy.values.reduce(0, +)
    }
}

/// A dependency and what it did.
///
/// - Concurrency: Safe from any task.
final class ShopDependency: Sendable {
    let service: ShopService
    let dependency: Dependency
    private let client: ShopClient
    private let counts = Lock(ShopTally())

    init(
        _ service: ShopService, on runtime: Runtime, _ policies: Dependency.Policies, client: ShopClient, seed: UInt64
    ) throws(ConfigurationError) {
        self.service = service
        self.client = client
        dependency = try Dependency(service.rawValue, on: runtime, policies, seed: seed)
        note { _ in }
    }

    var tally: ShopTally { counts.withLock { $0 } }

    /// Asks the service under the policies of the dependency.
    func ask<Answer: Sendable>(
        _ inquiry: ShopInquiry, _ parse: @escaping @Sendable (String) -> Answer?
    ) async throws -> Answer {
        note { $0.calls += 1 }
        do {
            let answer = try await dependency.call { attempt in
                try await self.attempt(attempt, inquiry, parse)
            }
            note { $0.answered += 1 }
            return answer
        } catch {
            let kind = ErrorClass(of: error).kind
            note { tally in
                if let policy = (error as? GyreError)?.policy {
                    tally.endedByPolicy[policy, default: 0] += 1
                } else {
                    tally.failed[kind, default: 0] += 1
                }
            }
            throw error
        }
    }

    private func attempt<Answer: Sendable>(
        _ attempt: Attempt, _ inquiry: ShopInquiry, _ parse: (String) -> Answer?
    ) async throws -> Answer {
        note { tally in
            tally.attempts += 1
            if attempt.number == 1 { tally.admitted += 1 } else { tally.retries += 1 }
        }
        do {
            let question = ShopQuestion(
                service: service, subject: inquiry.subject, purchase: inquiry.purchase, attempt: attempt.number)
            return try await client.ask(question, parse)
        } catch {
            // Work that is cancelled is late: nobody here cancels for another reason.
            let kind = error is CancellationError ? ErrorKinds.timedOut : ErrorClass(of: error).kind
            note { $0.attemptsFailed[kind, default: 0] += 1 }
            throw error
        }
    }

    private func note(_ change: (inout ShopTally) -> Void) {
        let mode = dependency.snapshot().breaker
        counts.withLock { tally in
            change(&tally)
            if let mode, tally.modes.last != mode { tally.modes.append(mode) }
        }
    }
}
#endif
