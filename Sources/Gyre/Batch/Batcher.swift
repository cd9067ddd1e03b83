public import GyreCore
public import GyrePolicy

/// Tasks that come one by one and are sent together: prompts for a model, keys for a store.
///
/// ```swift
/// let policy = try BatchPolicy(max: 64, within: .milliseconds(2))
/// let embed = try Batcher<String, String, Vector>(on: gyre, policy) { model, texts in
///     try await embeddings(of: texts, by: model).map { .success($0) }
/// }
/// let vector = try await embed.value(of: text, key: "small")
/// ```
///
/// Members of one key go together: as soon as their batch is full, when its first member has waited for `within`, or
/// when a member's deadline leaves no time to wait. How full is full is learned where the policy has a goal.
///
/// - Each caller gets its own part of the result and sees nothing of the others.
/// - A member that fails, fails alone: by its own result, or, when the whole call throws, because the halves of the
///   batch are sent again by themselves, down to single members.
/// - A caller that is cancelled leaves; when all of a batch have left, its call is cancelled.
///
/// A runtime that drains refuses the batches that have not been sent: ``close()`` first.
public final class Batcher<Key: Hashable & Sendable, Element: Sendable, Part: Sendable>: DescribedPart {
    /// What a batch does: one result for each element, in their order.
    public typealias Send =
        nonisolated(nonsending) @Sendable (_ key: Key, _ elements: [Element]) async throws -> [Result<Part, any Error>]

    let runtime: Runtime
    let send: Send
    let state: Lock<BatcherState<Key, Element, Part>>
    private let keys: Setting<Int>

    /// - Parameters:
    ///   - runtime: Where batches run. Its clock is the batcher's.
    ///   - keysMax: Keys that may have an open batch at once: 1 to 2^20; 1024 by default.
    ///   - send: Runs as a task of the runtime, for several batches at the same time; task-locals are not inherited.
    /// - Throws: ``GyreCore/ConfigurationError`` when `keysMax` is out of range.
    public init(
        on runtime: Runtime, _ policy: BatchPolicy, keysMax: Int? = nil, send: @escaping Send
    ) throws(ConfigurationError) {
        self.runtime = runtime
        self.send = send
        state = Lock(BatcherState(book: try BatchBook(policy, keysMax: keysMax), policy: policy))
        keys = Setting(keysMax, default: BatchBook<Key, Element>.keysMaxStandard)
        runtime.parts.add(self)
    }

    /// The policy in force, for a person: the size as it was learned or pinned.
    var partDescription: PartDescription {
        PartDescription(
            "batcher of \(Element.self) by \(Key.self)",
            state.withLock { $0.controller.settings } + [keys.described(as: "keysMax")])
    }

    /// The part of `element` in the result of its batch.
    ///
    /// - Parameters:
    ///   - key: What goes together: a model, a tenant, or both.
    ///   - deadline: When the result is of no use any more. The batch goes early enough, as far as is known how long
    ///     one takes; it is not ended by it.
    /// - Throws: The member's own error, or that of a call which it was alone in; ``BatchError``; `CancellationError`
    ///   when the caller is cancelled first; ``GyreError`` with the code `deadlineExceeded` when `deadline` has passed,
    ///   `closed` after ``close()``, or `full` or `closed` when the runtime took the batch not on.
    /// - Complexity: O(members of the batch).
    /// - Concurrency: From anywhere. Suspends until the batch has ended.
    public nonisolated(nonsending) func value(
        of element: Element, key: Key, deadline: MonotonicInstant = .distantFuture
    ) async throws -> Part {
        let flight = Flight<Part>(isKept: false)
        guard let seat = flight.join() else { preconditionFailure("a new flight has room") }
        let now = runtime.clock.now
        guard now < deadline else { throw GyreError(code: .deadlineExceeded) }
        let member = try state.withLock { state in
            if state.isClosed { throw GyreError(code: .closed) }
            state.membersEver += 1
            let member = BatchMember(
                BatchSeat(element: element, flight: flight), id: state.membersEver, arrival: now, deadline: deadline)
            let answer = state.book.add(
                member, key: key, size: state.controller.size.value,
                expectedNanoseconds: state.controller.expectedNanoseconds, at: now)
            if case .tooManyKeys(let keysMax) = answer { throw BatchError.tooManyKeys(keysMax: keysMax) }
            state.members += 1
            act(on: answer, key, &state)
            return member
        }
        flight.began { self.leave(member.id, key) }
        startDue()
        return try await flight.wait(in: seat)
    }

    /// Sends what waits at once, takes nothing further, and waits until every batch has ended: nobody is left without
    /// an answer.
    public func close() async {
        state.withLock { state in
            state.isClosed = true
            for (key, members) in state.book.takeAll() { state.enqueue(key, members, wasFull: false) }
        }
        startDue()
        await untilWoken { (continuation: UnsafeContinuation<Void, Never>) in
            let isIdle = state.withLock { state in
                if !state.isIdle { state.closers.append(continuation) }
                return state.isIdle
            }
            if isIdle { continuation.wake() }
        }
    }

    /// What the batcher did since it was made and does now.
    public func snapshot() -> BatcherSnapshot {
        state.withLock { state in
            BatcherSnapshot(
                members: state.members, batches: state.batches, resent: state.resent, waiting: state.book.count,
                running: state.running, size: state.controller.size)
        }
    }

    /// Sets how full is full by hand, or lets the measurements decide again (`nil`).
    public func pin(size: Int?) {
        state.withLock { state in
            if let size { state.controller.pin(size) } else { state.controller.unpin() }
        }
    }
}

/// Why a batcher itself turned a member away.
public enum BatchError: Error, Sendable, Equatable {
    /// As many keys have an open batch as may.
    case tooManyKeys(keysMax: Int)
    /// The call of the batch returned another number of results than it was given elements.
    case wrongCount(results: Int, elements: Int)
}

/// What a ``Batcher`` did and does.
public struct BatcherSnapshot: Sendable {
    public let members: UInt64
    /// Batches that were sent, without parts that were sent again.
    public let batches: UInt64
    /// Parts of batches that were sent again, because the whole had failed.
    public let resent: UInt64
    /// Members that wait for their batch to go.
    public let waiting: Int
    /// Batches that run.
    public let running: Int
    /// How full is full, and the last decision about it.
    public let size: TunedValue<Int>
}
