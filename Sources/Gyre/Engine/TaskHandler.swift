import GyreCore
public import GyrePolicy

/// Work that is called by its name, so that its calls can be kept, travel between processes, and be made again: beside
/// closures, which are as good as long as the process lives.
///
/// ```swift
/// let quote = TaskHandler("quote", input: .text, output: .text) { city, context in
///     context.progress(0.5, "asked")
///     return "1 night in \(city): 90"
/// }
/// ```
///
/// With `GyreFoundation` the codecs of `Codable` types need not be named.
public struct TaskHandler<Input: Sendable, Output: Sendable>: Sendable {
    /// Unique among the handlers of a program, and the same in all processes that share an engine.
    public let name: String
    /// To be raised when the same input has another outcome than before: outcomes of other versions are not replayed.
    public let version: Int
    public let input: TaskCodec<Input>
    public let output: TaskCodec<Output>
    public let limits: HandlerLimits
    let body: AsyncHandlerBody

    /// - Parameters:
    ///   - body: What to run. It may run more than once for the same call: when the process ended or a lease was lost
    ///     before the outcome was kept. What it throws decides what follows: ``Snooze`` comes back later without using
    ///     up an attempt; an error with a class (`ClassifiedError`) that says so is not tried again.
    public init(
        _ name: String, version: Int = 1, input: TaskCodec<Input>, output: TaskCodec<Output>,
        limits: HandlerLimits = HandlerLimits(),
        _ body: nonisolated(nonsending) @escaping @Sendable (Input, TaskContext) async throws -> Output
    ) {
        self.name = name
        self.version = version
        self.input = input
        self.output = output
        self.limits = limits
        self.body = { bytes, context in
            let value: Input
            do {
                value = try input.decode(bytes)
            } catch {
                throw HandlerError(handler: name, reason: "its input cannot be read: \(error)")
            }
            return try output.encode(try await body(value, context))
        }
    }

    /// The handler without its types.
    public var erased: AnyTaskHandler { AnyTaskHandler(name: name, version: version, limits: limits, body: body) }
}

typealias AsyncHandlerBody = nonisolated(nonsending) @Sendable ([UInt8], TaskContext) async throws -> [UInt8]

/// A handler without its types: bytes in, bytes out.
public struct AnyTaskHandler: Sendable {
    public let name: String
    public let version: Int
    public let limits: HandlerLimits
    let body: AsyncHandlerBody
}

/// How long and how often a handler may try.
public struct HandlerLimits: Sendable, Hashable {
    /// How long one attempt may take; `nil` for as long as it likes.
    public var attempt: Duration?
    /// How long an attempt may be silent: ``TaskContext/progress(_:_:)`` counts from anew. `nil` for as long as it
    /// likes.
    public var idle: Duration?
    /// How many attempts there may be, and the pauses between them.
    public var retry: RetryPolicy
    /// What becomes of a job whose attempts are used up.
    public var onExhausted: Exhaustion

    public init(
        attempt: Duration? = nil, idle: Duration? = nil, retry: RetryPolicy? = nil, onExhausted: Exhaustion = .fail
    ) {
        self.attempt = attempt
        self.idle = idle
        self.onExhausted = onExhausted
        self.retry = retry ?? .standard
    }
}

/// What becomes of a job whose attempts are used up.
public enum Exhaustion: String, Sendable, CaseIterable {
    /// It has failed: whoever waits is told, and a dead letter is kept.
    case fail
    /// It is put aside with its dead letter, and whoever waits goes on waiting, until it is redriven: as Restate
    /// pauses what other engines kill.
    case park
}

/// Thrown by a handler's body that came too early: it is called again after `pause`, and no attempt is used up.
public struct Snooze: Error, Sendable, Equatable {
    public let pause: Duration
    public init(for pause: Duration) { self.pause = pause }
}

/// What is wrong with a handler or a call of it. Not tried again.
public struct HandlerError: ClassifiedError, Equatable, CustomStringConvertible {
    public let handler: String
    public let reason: String

    public init(handler: String, reason: String) {
        self.handler = handler
        self.reason = reason
    }

    public var errorClass: ErrorClass { .permanent }
    public var description: String { "handler \(handler): \(reason)" }
}

/// Handlers by name.
public struct TaskHandlers: Sendable {
    private var byName: [String: AnyTaskHandler] = [:]

    public init() {}

    /// - Throws: ``HandlerError`` when another handler has the name.
    public mutating func add<Input, Output>(_ handler: TaskHandler<Input, Output>) throws(HandlerError) {
        guard byName[handler.name] == nil else {
            throw HandlerError(handler: handler.name, reason: "its name is taken; give one of the two another")
        }
        byName[handler.name] = handler.erased
    }

    public subscript(name: String) -> AnyTaskHandler? { byName[name] }
    public var names: [String] { byName.keys.sorted() }
}
