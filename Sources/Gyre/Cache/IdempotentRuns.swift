import GyreCore
public import GyrePolicy

/// Runs that happen once however often they are asked for: by the key that the caller gives them.
///
/// ```swift
/// let charges = try IdempotentRuns<Receipt>(on: gyre, IdempotencyPolicy())
/// let receipt = try await charges.run(order.id, scope: tenant, fingerprint: order.digest) { try await charge(order) }
/// ```
///
/// The first call of a key runs its body. A call that comes while it runs shares the outcome, or is turned away; one
/// that comes later gets the outcome that is kept. A call with the same key and another fingerprint asks for something
/// else: it is a conflict. Keys of different scopes have nothing to do with each other.
///
/// The records live in this process: what happens once is the body here, not its effect beyond a crash.
///
/// - Concurrency: Safe from anywhere. A replay takes no lock.
public final class IdempotentRuns<Value: Sendable>: Sendable {
    typealias Record = IdempotencyRecord<Value>

    public let policy: IdempotencyPolicy
    private let runtime: Runtime
    private let table = RCUTable()
    private let ledger = Lock(IdempotencyLedger<Value>())
    private let label: PartLabel

    /// - Parameter runtime: Where bodies run. Its clock says when an outcome is old.
    public init(on runtime: Runtime, _ policy: IdempotencyPolicy) {
        self.runtime = runtime
        self.policy = policy
        label = PartLabel { PartDescription("runs of \(Value.self) under keys", policy.settings) }
        runtime.parts.add(label)
    }

    /// Runs `body`, unless the key has run or runs.
    ///
    /// - Parameters:
    ///   - key: Names the run within `scope`.
    ///   - fingerprint: What the run is about, such as a digest of its input.
    ///   - body: Runs as a task of the runtime; task-locals are not inherited. When every caller that waits for it has
    ///     been cancelled it is cancelled, and the next call runs again.
    /// - Returns: The value, and whether this call ran for it.
    /// - Throws: What the body threw, now or then, unchanged; ``IdempotencyError``; `CancellationError` when the caller
    ///   is cancelled first; ``GyreError`` with the code `full` or `closed` when the runtime took the body not on, or
    ///   `closed` after ``close()``.
    public nonisolated(nonsending) func run(
        _ key: String, scope: String = "", fingerprint: String,
        _ body: nonisolated(nonsending) @escaping @Sendable () async throws -> Value
    ) async throws -> Replayable<Value> {
        let name = IdempotencyName(scope: scope, key: key)
        let hash = UInt64(bitPattern: Int64(name.hashValue))
        if let known = try replay(name, hash, fingerprint) { return known }
        let (flight, seat, origin) = try ledger.withLock { ledger in
            try board(name, hash, fingerprint, &ledger)
        }
        if origin == .ran {
            runtime.fly(flight, body) { result in
                self.landed(flight, name, hash, fingerprint, result)
                return result
            }
        }
        return Replayable(value: try await flight.wait(in: seat), origin: origin)
    }

    /// Forgets the outcome of a run that has ended: the next call runs again. False when there was none.
    @discardableResult
    public func forget(_ key: String, scope: String = "") -> Bool {
        let name = IdempotencyName(scope: scope, key: key)
        let hash = UInt64(bitPattern: Int64(name.hashValue))
        return ledger.withLock { _ in
            guard let record = current(name, hash), record.flight == nil else { return false }
            drop(record)
            return true
        }
    }

    /// Takes no further run on and forgets every outcome. Callers that wait for a run that has begun get what it
    /// brings; later calls throw ``GyreError`` with the code `closed`.
    ///
    /// - Complexity: O(records), and some milliseconds.
    public func close() async {
        ledger.withLock { ledger in
            ledger = IdempotencyLedger(isClosed: true)
            while let record = table.any().map({ $0.object(as: Record.self).takeUnretainedValue() }) { drop(record) }
        }
        await RCUTable.settled()
    }

    /// Records now, those of runs that have not ended included.
    public var count: Int { table.count }

    // MARK: - Without the lock

    /// The outcome that is kept; `nil` when there is none.
    private func replay(
        _ name: IdempotencyName, _ hash: UInt64, _ fingerprint: String
    ) throws -> Replayable<Value>? {
        let now = runtime.clock.now
        let outcome: Result<Value, any Error>? = read(name, hash) { record in
            guard let outcome = record.outcome, now < record.expires else { return nil }
            guard record.fingerprint == fingerprint else {
                return .failure(IdempotencyError.conflict(original: record.fingerprint))
            }
            return outcome
        }
        return try outcome.map { Replayable(value: try $0.get(), origin: .replayed) }
    }

    private func read<Found>(_ name: IdempotencyName, _ hash: UInt64, _ use: (Record) -> Found?) -> Found? {
        withUnsafePointer(to: name) { name in
            table.read(hash: hash, key: UnsafeRawPointer(name)) { node in
                node.flatMap { $0.object(as: Record.self)._withUnsafeGuaranteedRef(use) }
            }
        }
    }

    // MARK: - Under the lock

    private func current(_ name: IdempotencyName, _ hash: UInt64) -> Record? { read(name, hash) { $0 } }

    /// A seat in the run of `name`, which is begun if there is none.
    private func board(
        _ name: IdempotencyName, _ hash: UInt64, _ fingerprint: String, _ ledger: inout IdempotencyLedger<Value>
    ) throws -> (Flight<Value>, UInt64, Replayable<Value>.Origin) {
        if ledger.isClosed { throw GyreError(code: .closed) }
        let now = runtime.clock.now
        purge(now, &ledger)
        let record = current(name, hash)
        if let record, record.flight?.isAbandoned != true, record.fingerprint != fingerprint {
            throw IdempotencyError.conflict(original: record.fingerprint)
        }
        if let flight = record?.flight {
            if policy.whileRunning.value == .conflict, !flight.isAbandoned { throw IdempotencyError.running }
            if let seat = flight.join() { return (flight, seat, .attached) }
        } else if let outcome = record?.outcome {
            let landed = Flight<Value>(isKept: true)  // another call was faster, and its run has ended
            guard landed.claimLanding(), let seat = landed.join() else { preconditionFailure("a new flight has room") }
            landed.land(outcome)
            return (landed, seat, .replayed)
        }
        if record == nil, table.count >= policy.recordsMax.value {
            throw IdempotencyError.full(recordsMax: policy.recordsMax.value)
        }
        let flight = Flight<Value>(isKept: false)
        guard let seat = flight.join() else { preconditionFailure("a new flight has room") }
        put(Record(name: name, hash: hash, fingerprint: fingerprint, flight: flight))
        return (flight, seat, .ran)
    }

    /// Keeps the outcome of a run, if it is one.
    private func landed(
        _ flight: Flight<Value>, _ name: IdempotencyName, _ hash: UInt64, _ fingerprint: String,
        _ result: Result<Value, any Error>
    ) {
        ledger.withLock { ledger in
            // Begun anew after everybody had left: that run has the record.
            guard let record = current(name, hash), record.flight === flight else { return }
            guard isOutcome(result) else { return drop(record) }
            let expires = runtime.clock.now + policy.retention.value
            let done = Record(name: name, hash: hash, fingerprint: fingerprint, outcome: result, expires: expires)
            put(done)
            ledger.append(done, recordsMax: policy.recordsMax.value)
        }
    }

    /// A cancel and what the engine itself says are no outcomes: the body did not end by itself.
    private func isOutcome(_ result: Result<Value, any Error>) -> Bool {
        guard case .failure(let error) = result else { return true }
        return policy.keepsFailures.value && !(error is CancellationError) && !(error is GyreError)
    }

    private func put(_ record: Record) {
        record.node = withUnsafePointer(to: record.name) { name in
            table.put(record, hash: record.hash, key: name, due: .distantFuture, isVisited: false)
        }
    }

    private func drop(_ record: Record) {
        guard let node = record.node else { preconditionFailure("a record of the table has a node") }
        table.remove(node)
        record.isDropped = true
    }

    /// Lets go of what is too old. Outcomes are kept equally long, so they stand in the order in which they go.
    private func purge(_ now: MonotonicInstant, _ ledger: inout IdempotencyLedger<Value>) {
        while let oldest = ledger.first, oldest.expires <= now {
            ledger.removeFirst()
            if let record = current(oldest.name, oldest.hash), record === oldest { drop(record) }
        }
    }
}

/// A value, and how a call came by it.
public struct Replayable<Value: Sendable>: Sendable {
    public enum Origin: Sendable, Hashable {
        /// This call ran the body.
        case ran
        /// It waited for a run that another call had begun.
        case attached
        /// The run had ended before.
        case replayed
    }

    public let value: Value
    public let origin: Origin

    /// Whether the body was run for another call.
    public var isReplayed: Bool { origin != .ran }
}

/// Why a call was turned away by what its key has done before.
public enum IdempotencyError: Error, Sendable, Equatable {
    /// The key stands for a run with this fingerprint.
    case conflict(original: String)
    /// The key's run has not ended, and calls do not attach.
    case running
    /// Every record is of a run that has not ended or whose outcome is still to be kept.
    case full(recordsMax: Int)
}
