public import Gyre
import GyreCore

/// Does to the calls of a runtime what a ``FaultPlan`` says, and counts them.
///
/// ```swift
/// let faults = FaultInjector(plan, on: test.runtime)
/// let stock = try test.run { try await faults.call("stock") { 3 } }
/// ```
///
/// - Concurrency: Safe from any thread.
public final class FaultInjector: Sendable {
    public let plan: FaultPlan
    private let runtime: Runtime
    private let calls = Lock<[String: UInt64]>([:])

    public init(_ plan: FaultPlan, on runtime: Runtime) {
        self.plan = plan
        self.runtime = runtime
    }

    /// Counts a call of `service`, waits as long as the plan says, and fails or does `work`.
    ///
    /// - Throws: ``InjectedFault``; what `work` throws; `CancellationError` when the task is cancelled while it waits.
    public nonisolated func call<Value: Sendable>(
        _ service: String, _ work: nonisolated(nonsending) @Sendable () async throws -> Value
    ) async throws -> Value {
        let number = calls.withLock { calls in
            calls[service, default: 0] += 1
            return calls[service, default: 0]
        }
        let fault = plan.fault(ofCall: number, to: service)
        if fault.delay > .zero { try await runtime.sleep(for: fault.delay) }
        if let failure = fault.failure { throw InjectedFault(service: service, failure) }
        return try await work()
    }

    /// Calls of `service` so far.
    public func count(of service: String) -> UInt64 { calls.withLock { $0[service] ?? 0 } }
}
