#if CLI
import Gyre

/// What a purchase has to be told.
struct ShopInquiry: Sendable {
    /// Position in the replay.
    let purchase: UInt32
    let subject: ShopQuestion.Subject
}

/// One of the two lookups of a purchase: the service, its mirror if that fails, and what the shop knows itself at last.
///
/// A dependency without policies around that of the service: its fallbacks answer for calls too that the service's own
/// policies do not let in.
///
/// - Concurrency: Safe from any task.
final class ShopLookup<Value: Sendable>: Sendable {
    private struct Request: Sendable {
        let inquiry: ShopInquiry
        let guess: @Sendable () -> Value
    }

    private let service: ShopDependency
    private let whole: Dependency
    private let fallbacks: Fallbacks<Request, Value>
    private let parse: @Sendable (String) -> Value?

    /// - Parameters:
    ///   - cooldown: How long a mirror that failed is not asked.
    ///   - guess: The name of what the shop knows itself.
    init(
        _ service: ShopDependency, mirror: ShopDependency, cooldown: Duration, guess: String, on runtime: Runtime,
        _ parse: @escaping @Sendable (String) -> Value?
    ) throws(ConfigurationError) {
        // An answer that is final is so for the mirror too, and no guess is better.
        let accepted = ErrorKinds.recoverable.subtracting(.permanent)
        self.service = service
        self.parse = parse
        whole = try Dependency("\(service.service.rawValue) lookup", on: runtime, .none)
        fallbacks = try Fallbacks(
            of: whole,
            [
                .init(FallbackStep("mirror", accepts: accepted, cooldown: cooldown)) { request, _ in
                    try await mirror.ask(request.inquiry, parse)
                },
                .init(FallbackStep(guess, source: .staleValue, accepts: accepted)) { request, _ in request.guess() },
            ])
    }

    /// - Throws: The error of the one that was asked last.
    func answer(
        for purchase: UInt32, _ subject: ShopQuestion.Subject, guess: @escaping @Sendable () -> Value
    ) async throws -> Served<Value> {
        let request = Request(inquiry: ShopInquiry(purchase: purchase, subject: subject), guess: guess)
        let (service, parse) = (service, parse)
        return try await whole.call(orElse: fallbacks, for: request) { _ in
            try await service.ask(request.inquiry, parse)
        }
    }
}
#endif
