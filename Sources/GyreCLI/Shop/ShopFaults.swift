import Gyre
import GyreTesting

/// What goes wrong at the services of the demo: a function of the seed, the service, the purchase and the attempt, so
/// that neither the order of the calls nor the number of workers has a part in it.
struct ShopFaults: Sendable {
    /// Drawn anew for each attempt: a further one helps.
    let ofAttempt: FaultPlan
    /// The same for each attempt of a purchase, counted from 1: no further one helps.
    let ofPurchase: FaultPlan

    /// What a healthy service does to its callers: it is late now and then, and hiccups. Each call succeeds in the end.
    static func calm(seed: UInt64) -> ShopFaults {
        ShopFaults(
            ofAttempt: FaultPlan(
                seed: seed,
                [
                    .init(nil, .all, .lateness(mean: .milliseconds(1), max: .milliseconds(20))),
                    .init(nil, .share(0.02), .fail(.transient)),
                    .init(nil, .share(0.005), .fail(.overloaded)),
                    .init(nil, .share(0.002), .throttle(retryAfter: .milliseconds(20))),
                ]),
            ofPurchase: FaultPlan(seed: seed))
    }

    /// Turned up: many errors, calls that take longer than anybody waits, throttling, answers that are final, and an
    /// hour in which each of the first services is gone.
    ///
    /// - Parameter purchases: How many there are: the outages are where the seed says, a sixteenth of them long.
    static func chaos(seed: UInt64, purchases: Int) -> ShopFaults {
        ShopFaults(
            ofAttempt: FaultPlan(
                seed: seed,
                [
                    .init(nil, .all, .lateness(mean: .milliseconds(2), max: .milliseconds(60))),
                    .init(nil, .share(0.01), .delay(.milliseconds(500) ... .milliseconds(800))),
                    .init(nil, .share(0.12), .fail(.transient)),
                    .init(nil, .share(0.04), .fail(.overloaded)),
                    .init(nil, .share(0.01), .throttle(retryAfter: .milliseconds(30))),
                ]),
            ofPurchase: FaultPlan(
                seed: seed,
                [
                    .init("stock", .share(0.006), .fail(.permanent)),
                    .init("price", .share(0.006), .fail(.permanent)),
                    .init("stock", .calls(outage(of: 0, seed, purchases)), .fail(.overloaded)),
                    .init("price", .calls(outage(of: 1, seed, purchases)), .fail(.overloaded)),
                ]))
    }

    private static func outage(of service: UInt64, _ seed: UInt64, _ purchases: Int) -> ClosedRange<UInt64> {
        let length = max(1, UInt64(purchases) / 16)
        let first = SeededRandom.draw(seed: seed, index: service) % max(1, UInt64(purchases)) + 1
        return first...(first + length - 1)
    }

    func fault(of question: ShopQuestion) -> FaultPlan.Fault {
        let number = FaultPlan.number(of: String(question.purchase), attempt: question.attempt)
        var fault = ofAttempt.fault(ofCall: number, to: question.service.rawValue)
        let lasting = ofPurchase.fault(ofCall: UInt64(question.purchase) + 1, to: question.service.rawValue)
        fault.delay += lasting.delay
        // What no further attempt helps against is what this one meets.
        fault.failure = lasting.failure ?? fault.failure
        return fault
    }
}
