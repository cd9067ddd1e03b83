public import GyreCore

/// What a task puts out while it runs, for one reader, in order and in bounded memory.
///
/// ```swift
/// let words = try gyre.stream(of: String.self, capacity: 16) { output in
///     for word in text { try await output.send(word) }
/// }
/// for try await word in words { print(word) }
/// ```
///
/// The body runs ahead of its reader by at most `capacity` elements. It is cancelled when the reader is, or when the
/// stream and all its iterators are gone.
public struct TaskStream<Element: Sendable>: AsyncSequence, Sendable {
    let core: StreamCore<Element>
    let lifetime: StreamLifetime

    /// When the first element was put out; `nil` before.
    public var firstOutput: MonotonicInstant? { core.firstOutput }

    /// Elements that made room for later ones (``StreamOverflow/dropOldest``).
    public var dropped: UInt64 { core.dropped }

    /// Cancels the body. What it has put out can still be read.
    public func cancel() { lifetime.cancel() }

    public func makeAsyncIterator() -> Iterator { Iterator(core: core, lifetime: lifetime) }

    public struct Iterator: AsyncIteratorProtocol {
        let core: StreamCore<Element>
        let lifetime: StreamLifetime

        /// The next element, `nil` after the last.
        ///
        /// - Throws: What the body threw, after all that it put out before; `CancellationError` when the reader is
        ///   cancelled.
        public mutating func next() async throws -> Element? {
            do {
                return try await core.next()
            } catch {
                if Task.isCancelled { lifetime.cancel() }
                throw error
            }
        }
    }
}

/// What happens to a task that puts out more than its reader takes.
public enum StreamOverflow: String, Sendable, CaseIterable {
    /// It waits for room.
    case suspend
    /// The oldest element that was not read makes room, and is counted.
    case dropOldest
}

/// Where a body puts its output.
public struct StreamOutput<Element: Sendable>: Sendable {
    let core: StreamCore<Element>

    /// Puts out an element.
    ///
    /// - Throws: `CancellationError` when the task is cancelled while it waits for room, or nobody reads any more.
    public func send(_ element: Element) async throws { try await core.send(element) }
}

/// Cancels the body when nobody can read any more.
final class StreamLifetime: Sendable {
    private let end: @Sendable () -> Void
    init(_ end: @escaping @Sendable () -> Void) { self.end = end }
    func cancel() { end() }
    deinit { end() }
}

extension Runtime {
    /// Queues an async body whose outputs are read while it runs.
    ///
    /// - Parameters:
    ///   - capacity: How many elements may wait to be read, at least 1.
    ///   - overflow: What happens when one more is put out.
    ///   - idle: How long the body may put out nothing, from its start and from each element on; the time in which
    ///     it waits for its reader does not count. Then it is cancelled, and the reader gets a ``StreamTimeout`` after
    ///     what was put out before, whether the body heeds the cancel or not.
    ///   - lane, deadline: As for `post`. At the deadline the reader gets a ``GyreError`` after what was put out
    ///     before.
    /// - Throws: As `post`.
    public func stream<Element: Sendable>(
        of _: Element.Type = Element.self, capacity: Int = 64, overflow: StreamOverflow = .suspend,
        idle: Duration? = nil, lane: Lane = .normal, deadline: MonotonicInstant? = nil,
        _ body: nonisolated(nonsending) @escaping @Sendable (StreamOutput<Element>) async throws -> Void
    ) throws(SubmitError) -> TaskStream<Element> {
        let core = StreamCore<Element>(clock: clock, capacity: capacity, overflow: overflow)
        if let idle { core.watch(idle: idle, timers: timers) }
        let handle: TaskHandle<Void>
        do throws(SubmitError) {
            handle = try post(lane: lane, deadline: deadline) {
                try core.bodyBegins()
                try await body(StreamOutput(core: core))
            }
        } catch {
            core.finish(error)  // it and its watch have each other until then
            throw error
        }
        if idle != nil { core.whenGivenUp { _ = handle.cancel() } }
        handle.task.whenSettled {
            do {
                try handle.settledOutcome.get()
                core.finish(nil)
            } catch {
                core.finish(error)
            }
        }
        return TaskStream(core: core, lifetime: StreamLifetime { _ = handle.cancel() })
    }
}
