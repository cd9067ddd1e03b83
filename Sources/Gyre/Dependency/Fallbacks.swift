public import GyreCore
public import GyrePolicy

/// What to ask instead of a dependency that has failed, in order.
///
/// ```swift
/// let fallbacks = try Fallbacks(of: price, [
///     .init(FallbackStep("mirror")) { (article: String, _) in try await fetchFromMirror(article) },
///     .init(FallbackStep("list", source: .staleValue)) { article, _ in listPrice(article) },
/// ])
/// let served = try await price.call(orElse: fallbacks, for: article) { _ in try await fetch(article) }
/// print(served.value, served.by)
/// ```
///
/// Made once and used by all calls: what cools down, cools down for all. What a step has to know of a call is its
/// `Request`, which is `Void` when all calls ask for the same.
///
/// - Concurrency: Safe from any thread.
public final class Fallbacks<Request: Sendable, Value: Sendable>: Sendable {
    /// A step of the chain and how it gets its value.
    public struct Step: Sendable {
        let step: FallbackStep
        let work: @Sendable (Request, any Error) async throws -> Value

        /// - Parameter work: Is told what is asked for, and the error that the step is a help for. Ends at the call's
        ///   deadline.
        public init(
            _ step: FallbackStep,
            _ work: @escaping @Sendable (_ request: Request, _ error: any Error) async throws -> Value
        ) {
            self.step = step
            self.work = work
        }
    }

    public let chain: FallbackChain
    let works: [@Sendable (Request, any Error) async throws -> Value]
    private let lines: WordLines

    /// - Throws: ``ConfigurationError`` that names the step at fault.
    public init(of dependency: Dependency, _ steps: [Step]) throws(ConfigurationError) {
        self.dependency = dependency
        chain = try FallbackChain(steps.map(\.step))
        works = steps.map(\.work)
        lines = WordLines(count: steps.count)
    }

    let dependency: Dependency

    func cooldown(_ index: Int) -> SharedWord { lines.word(onLine: index) }

    /// Every effective value of the chain and who chose it.
    public var settings: [SettingDescription] { chain.settings }
}

extension Fallbacks.Step where Request == Void {
    /// - Parameter work: Is told the error that the step is a help for. Ends at the call's deadline.
    public init(_ step: FallbackStep, _ work: @escaping @Sendable (_ error: any Error) async throws -> Value) {
        self.init(step) { _, error in try await work(error) }
    }
}

/// A value, and who it is from.
public struct Served<Value: Sendable>: Sendable {
    public let value: Value
    public let by: ServedBy

    public init(value: Value, by: ServedBy) {
        self.value = value
        self.by = by
    }
}

extension Served: Equatable where Value: Equatable {}

extension Dependency {
    /// As ``call(cost:deadline:priority:tenant:weight:isIdempotent:_:)``; when the call has failed, the steps of
    /// `fallbacks` are asked in order, each if it accepts the error before it and does not cool down.
    ///
    /// The fallback belongs to the call: it keeps its permit meanwhile and has the call's deadline. A call that was not
    /// let in (no permit, no place in the line) is refused, and no fallback takes its place. One that answers for those
    /// too belongs to a dependency without policies around this one, whose work is the call.
    ///
    /// - Parameter request: What the steps are told. The work has it from where it is written.
    /// - Returns: The value, and who served it.
    /// - Throws: The error of the dependency or of the step that was asked last.
    public nonisolated(nonsending) func call<Request: Sendable, Value: Sendable>(
        orElse fallbacks: Fallbacks<Request, Value>, for request: Request, cost: UInt64 = 1,
        deadline: MonotonicInstant = .distantFuture, priority: PriorityClass = .normal, tenant: UInt64 = 0,
        weight: UInt32 = 1, isIdempotent: Bool = false,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Served<Value> {
        let options = CallOptions(
            cost: cost, deadline: deadline, priority: priority, tenant: tenant, weight: weight,
            isIdempotent: isIdempotent)
        var pass = try await enter(options)
        defer { leave(&pass) }
        do {
            return Served(value: try await attempts(&pass, options, work), by: .primary)
        } catch {
            return try await fallBack(on: fallbacks, for: request, from: error, pass)
        }
    }

    /// The same, with steps that need not know what is asked for.
    public nonisolated(nonsending) func call<Value: Sendable>(
        orElse fallbacks: Fallbacks<Void, Value>, cost: UInt64 = 1, deadline: MonotonicInstant = .distantFuture,
        priority: PriorityClass = .normal, tenant: UInt64 = 0, weight: UInt32 = 1, isIdempotent: Bool = false,
        _ work: nonisolated(nonsending) @escaping @Sendable (Attempt) async throws -> Value
    ) async throws -> Served<Value> {
        try await call(
            orElse: fallbacks, for: (), cost: cost, deadline: deadline, priority: priority, tenant: tenant,
            weight: weight, isIdempotent: isIdempotent, work)
    }

    private nonisolated(nonsending) func fallBack<Request: Sendable, Value: Sendable>(
        on fallbacks: Fallbacks<Request, Value>, for request: Request, from error: any Error, _ pass: CallPass
    ) async throws -> Served<Value> {
        precondition(fallbacks.dependency === self, "the fallbacks of \(fallbacks.dependency.name) serve \(name)")
        var (error, asked): (any Error, Int?) = (error, nil)
        while !pass.deadline.hasPassed(at: clock.now),
            let index = fallbacks.chain.step(
                after: asked, with: errorClass(of: error), at: clock.now,
                cooldown: { CooldownState(word: fallbacks.cooldown($0).state) })
        {
            asked = index
            do {
                let value = try await ask(fallbacks.works[index], request, error, pass.deadline)
                note(fallbacks, index, nil)
                return Served(value: value, by: fallbacks.chain.served(by: index))
            } catch let failure {
                note(fallbacks, index, errorClass(of: failure))
                error = failure
            }
        }
        throw error
    }

    private nonisolated(nonsending) func ask<Request: Sendable, Value: Sendable>(
        _ work: @escaping @Sendable (Request, any Error) async throws -> Value, _ request: Request,
        _ error: any Error, _ deadline: Deadline
    ) async throws -> Value {
        guard deadline.instant != .distantFuture else {
            return try await runtime.run { try await work(request, error) }
        }
        return try await runtime.run(deadline: deadline.instant) { try await work(request, error) }
    }

    /// How a step has ended.
    private func note<Request, Value>(_ fallbacks: Fallbacks<Request, Value>, _ index: Int, _ failure: ErrorClass?) {
        fallbacks.cooldown(index).update(CooldownState.self) {
            (fallbacks.chain.ending(index, with: failure, in: $0, at: clock.now), ())
        }
    }
}
