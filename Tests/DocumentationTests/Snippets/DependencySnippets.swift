import Gyre

/// The article about dependencies, up to its end; returns what was fetched and the description of the runtime.
func dependenciesExample() async throws -> (
    count: Int, answer: Served<Int>, estimate: Served<Int>, description: String
) {
    let gyre = try Runtime()
    let stock = Dependency("stock", on: gyre)
    let count = try await stock.call { _ in try await fetchCount("umbrella") }

    let price = try Dependency(
        "price", on: gyre,
        .init(
            timeouts: Timeouts(attempt: .seconds(2), total: .seconds(5)),
            bulkhead: Bulkhead(permits: 40),
            retry: RetryPolicy(attemptsMax: 4),
            retryBudget: RetryBudget(),
            breaker: CircuitBreaker(failureShare: 0.3),
            rateLimit: RateLimit(600, per: .seconds(60), burst: 20)),
        classify: { error in
            switch error {
            case let error as PriceError where error.status == 429: .throttled(retryAfter: error.retryAfter)
            case let error as PriceError where error.status < 500: .permanent
            default: ErrorClass(of: error)
            }
        })

    do {
        let euros = try await price.call { attempt in try await fetchPrice("umbrella", by: attempt.deadline) }
        print("\(euros) EUR")
    } catch let error as GyreError where error.code == .rejected {
        print("\(error.policy!) refused, try again in \(error.retryAfter ?? .zero)")
    }

    let model = try Dependency(
        "model", on: gyre,
        .init(
            timeouts: Timeouts(total: .seconds(5), learnsAttempt: true),
            fairQueue: FairQueueConfiguration(capacity: 500, whenFull: .shedLowest),
            shedding: CoDel(),
            adaptiveLimit: AdaptiveLimit(),
            retry: RetryPolicy(),
            retryBudget: RetryBudget(),
            hedge: HedgePolicy(),
            breaker: CircuitBreaker()))
    let fallbacks = try Fallbacks(
        of: model,
        [
            .init(FallbackStep("small model")) { (prompt: String, _) in try await askSmallModel(prompt) },
            .init(FallbackStep("last answer", source: .staleValue)) { prompt, _ in prompt.count },
        ])
    let prompt = "How many letters?"
    let answer = try await model.call(
        orElse: fallbacks, for: prompt, priority: .highest, tenant: 7, isIdempotent: true
    ) { _ in
        try await askModel(prompt)
    }
    print("\(answer.value), served by \(answer.by)")
    let anyModel = try Dependency("any model", on: gyre, .none)
    let estimates = try Fallbacks<Void, Int>(of: anyModel, [.init(FallbackStep("estimate")) { _ in 20 }])
    let estimate = try await anyModel.call(orElse: estimates) { _ in
        try await model.call { _ in try await askModel(prompt) }
    }
    for letter in price.deadLetters where letter.reason == .attempts { print(letter.died, letter.error) }
    gyre.pause(.dependency("price"), until: gyre.clock.now + .seconds(60))
    gyre.pause(.tenant(number: 7))
    gyre.resume(.tenant(number: 7))
    print(gyre.describe())
    let description = gyre.describe()
    await gyre.drain()
    return (count, answer, estimate, description)
}

struct PriceError: Error {
    let status: Int
    let retryAfter: Duration?
}

private func askModel(_ prompt: String) async throws -> Int { throw PriceError(status: 500, retryAfter: nil) }

private func askSmallModel(_ prompt: String) async throws -> Int { throw PriceError(status: 500, retryAfter: nil) }

private func fetchCount(_ article: String) async throws -> Int { article.count }

private func fetchPrice(_ article: String, by deadline: Deadline) async throws -> Int {
    guard deadline.limit == .attempt else { throw PriceError(status: 400, retryAfter: nil) }
    return 2 * article.count
}
