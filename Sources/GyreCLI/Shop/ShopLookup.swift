#if CLI
import Gyre

/// A value, and who it is from.
struct ShopAnswer<Value: Sendable>: Sendable {
    let value: Value
    let servedBy: ServedBy
}

/// One of the two lookups of a purchase: the service, its mirror if that fails, and what the shop knows itself at last.
///
/// - Concurrency: Safe from any task.
final class ShopLookup<Value: Sendable>: Sendable {
    let service: ShopDependency
    let mirror: ShopDependency
    let chain: FallbackChain
    private let runtime: Runtime
    private let parse: @Sendable (String) -> Value?
    private let cooldowns: Lock<[CooldownState]>

    /// - Parameters:
    ///   - cooldown: How long a mirror that failed is not asked.
    ///   - guess: The name of what the shop knows itself.
    init(
        _ service: ShopDependency, mirror: ShopDependency, cooldown: Duration, guess: String, on runtime: Runtime,
        _ parse: @escaping @Sendable (String) -> Value?
    ) throws(ConfigurationError) {
        // An answer that is final is so for the mirror too, and no guess is better.
        let accepted = ErrorKinds.recoverable.subtracting(.permanent)
        chain = try FallbackChain([
            FallbackStep("mirror", accepts: accepted, cooldown: cooldown),
            FallbackStep(guess, source: .staleValue, accepts: accepted),
        ])
        self.service = service
        self.mirror = mirror
        self.runtime = runtime
        self.parse = parse
        cooldowns = Lock(Array(repeating: CooldownState(), count: chain.steps.count))
    }

    /// - Throws: The error of the one that was asked last.
    func answer(
        for purchase: UInt32, _ subject: ShopQuestion.Subject, guess: () -> Value
    ) async throws -> ShopAnswer<Value> {
        do {
            return ShopAnswer(value: try await service.ask(about: purchase, subject, parse), servedBy: .primary)
        } catch {
            return try await fallBack(from: error, purchase, subject, guess)
        }
    }

    private func fallBack(
        from failure: any Error, _ purchase: UInt32, _ subject: ShopQuestion.Subject, _ guess: () -> Value
    ) async throws -> ShopAnswer<Value> {
        var (error, asked): (any Error, Int?) = (failure, nil)
        while let index = next(after: asked, error) {
            asked = index
            guard chain.steps[index].source == .target else {
                return ShopAnswer(value: guess(), servedBy: chain.served(by: index))
            }
            do {
                let value = try await mirror.ask(about: purchase, subject, parse)
                end(index, with: nil)
                return ShopAnswer(value: value, servedBy: chain.served(by: index))
            } catch let failure {
                end(index, with: ErrorClass(of: failure))
                error = failure
            }
        }
        throw error
    }

    private func next(after asked: Int?, _ error: any Error) -> Int? {
        cooldowns.withLock { states in
            chain.step(after: asked, with: ErrorClass(of: error), at: runtime.clock.now) { states[$0] }
        }
    }

    private func end(_ index: Int, with failure: ErrorClass?) {
        cooldowns.withLock { states in
            states[index] = chain.ending(index, with: failure, in: states[index], at: runtime.clock.now)
        }
    }
}
#endif
