import Gyre
import GyrePolicy

/// The article about the order of policies, up to its end; returns what the calls came to.
func policyOrderExample() async throws -> [String] {
    do {
        _ = try PolicyOrder([.deadline, .breaker, .retry])
    } catch {
        print(error)
    }

    let gyre = try Runtime()
    let breaker = try CircuitBreaker(callsMin: 2)
    let stock = try Dependency(
        "stock", on: gyre, .init(retry: RetryPolicy(backoff: Backoff(base: .milliseconds(1))), breaker: breaker))
    var answers: [String] = []
    for _ in 1...2 {
        do {
            answers.append(try await stock.call { attempt in try answerOnThird(attempt) })
        } catch {
            answers.append("\(error)")
        }
    }
    await gyre.drain()
    return answers
}

struct NotYet: Error, CustomStringConvertible {
    var description: String { "not yet" }
}

private func answerOnThird(_ attempt: Attempt) throws -> String {
    guard attempt.number == 3 else { throw NotYet() }
    return "answered"
}
