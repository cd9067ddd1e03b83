import Foundation
import Gyre
import GyreTesting
import Testing

@testable import GyreCLI

/// The log over HTTP in this process, where AddressSanitizer sees server, client and policies.
///
/// One at a time: each run keeps both cores busy.
@Suite(.serialized, .unlessThreadSanitized) struct ShopRunTests {
    let log: PurchaseLog

    init() throws {
        log = try PurchaseLog(path: workload.appending(path: "CDNOW_sample.txt").path)
    }

    /// Decides without services first, as the program does.
    private func run(
        _ count: Int, _ faults: ShopFaults, _ policies: ShopPolicies, workers: Int = 2, seed: UInt64 = 1,
        interruption: () -> Int32? = { nil }
    ) throws -> (summary: ShopRun.Summary, decisions: DecisionBuffer) {
        let runtime = try Runtime(Runtime.Configuration(workers: workers, pinning: .none))
        defer { runtime.drainBlocking() }
        let main = StorefrontRun(runtime: runtime, log: log, length: .passes(1))
        #expect(try main.replay(interruption: { nil }, progress: { _ in }).trouble == nil)
        let run = ShopRun(
            runtime: runtime, log: log, count: count, faults: faults, policies: policies, seed: seed,
            decisions: main.decisions)
        return (try run.replay(interruption: interruption, progress: { _ in }), main.decisions)
    }

    private func text(_ decisions: DecisionBuffer) throws -> String {
        let folder = try TemporaryFolder()
        let file = try WholeFile(replacing: folder.path("decisions"))
        try decisions.write(to: file)
        try file.commit()
        return try folder.text("decisions")
    }

    /// Faults that all recover change nothing but the time it takes.
    @Test(arguments: [1, 2] as [UInt64]) func healthyServicesDecideAsTheReference(seed: UInt64) throws {
        let (summary, decisions) = try run(120, .calm(seed: seed), .calm(), seed: seed)
        #expect(summary.trouble == nil && summary.signal == nil)
        #expect(summary.account.sum == 120 && summary.account.failed == 0)
        for (end, _) in summary.account.sums { #expect(end.isExact, "\(end)") }
        #expect(firstDifference(try text(decisions).utf8, try DemoTests.expected.get()) == nil)
        let failed = summary.tallies.flatMap { $0.tally.attemptsFailed.values }.reduce(0, +)
        #expect(failed > 2, "2.7 of 100 attempts fail")
        for (service, tally) in summary.tallies { #expect(tally.isBalanced, "\(service)") }
    }

    @Test(arguments: [1, 2] as [UInt64]) func underChaosEachPurchaseIsAccountedFor(seed: UInt64) throws {
        let (summary, decisions) = try run(120, .chaos(seed: seed, purchases: 120), .chaos(), seed: seed)
        #expect(summary.trouble == nil)
        #expect(summary.account.sum == 120 && summary.account.submitted == 120)
        var (decided, fallenBack): (UInt64, UInt64) = (0, 0)
        for (end, count) in summary.account.sums {
            switch end {
            case .decided: decided += count
            case .fallenBack: fallenBack += count
            case .failed(let failure):
                #expect(["stock", "price"].contains(failure.node) && failure.kind != nil, "\(failure)")
            }
        }
        // How many are decided in spite of it is a matter of time: on a busy machine every attempt may be too late.
        #expect(fallenBack + summary.account.failed > 0)
        #expect(decided + fallenBack + summary.account.failed == 120)
        for (service, tally) in summary.tallies {
            #expect(tally.isBalanced, "\(service)")
            #expect(tally.attempts == tally.admitted + tally.retries, "\(service)")
            #expect(tally.calls >= tally.admitted && tally.attempts >= tally.answered, "\(service)")
        }
        // Each line is the reference's, a guess of the shop, or says that there is none.
        let lines = try text(decisions).split(separator: "\n")
        let expected = try DemoTests.expected.get().split(separator: "\n")
        #expect(lines.count == expected.count)
        for purchase in 0..<UInt32(120) {
            let end = try #require(summary.account[purchase])
            if end.isExact { #expect(lines[Int(purchase)] == expected[Int(purchase)]) }
            if case .failed = end { #expect(lines[Int(purchase)].contains("\tfailed\t-\t-\t")) }
        }
    }

    /// Only what time has no part in: neither a timeout, nor a breaker, nor a cooldown.
    @Test func theSameSeedEndsEachPurchaseTheSameOnAnyNumberOfWorkers() throws {
        let retry = Dependency.Policies(
            retry: try RetryPolicy(attemptsMax: 2, backoff: try Backoff(base: .zero, cap: .zero)))
        let policies = ShopPolicies(service: retry, mirror: retry, purchasesMax: 16, mirrorCooldown: .zero)
        func ends(seed: UInt64, workers: Int) throws -> [PurchaseEnd?] {
            let faults = ShopFaults(
                ofAttempt: FaultPlan(seed: seed, [.init(nil, .share(0.3), .fail(.transient))]),
                ofPurchase: FaultPlan(seed: seed, [.init("price", .share(0.05), .fail(.permanent))]))
            let summary = try run(120, faults, policies, workers: workers, seed: seed).summary
            #expect(summary.trouble == nil)
            return (0..<120).map { summary.account[$0] }
        }
        let first = try ends(seed: 5, workers: 1)
        #expect(try ends(seed: 5, workers: 3) == first)
        #expect(try ends(seed: 6, workers: 3) != first)
        #expect(Set(first).count > 3)
    }

    @Test func aSignalEndsTheRunWithAllThatWasSubmitted() throws {
        var questions = 0
        let (summary, _) = try run(400, .calm(seed: 1), .calm()) {
            questions += 1
            return questions > 5 ? 15 : nil
        }
        #expect(summary.signal == 15)
        #expect(summary.trouble == nil)
        #expect(summary.account.submitted < 400)
        #expect(summary.account.sum == UInt64(summary.account.submitted))
    }
}

@Suite struct ShopAccountTests {
    private static let mirror = ServedBy.fallback(name: "mirror", index: 0)
    private static let failed = PurchaseEnd.failed(
        ShopFailure(node: "stock", ending: .failed, kind: .rejected, policy: .breaker))

    @Test func aSumThatIsNotWhatWasSubmittedIsFound() {
        var account = ShopAccount(count: 3)
        #expect(account.trouble == nil && account.sum == 0)
        for _ in 0..<3 { account.submit() }
        account.end(0, .decided)
        account.end(2, Self.failed)
        #expect(account.trouble == "3 purchases were handed over and 2 ended")
        account.end(1, PurchaseEnd(stock: Self.mirror, price: .primary))
        #expect(account.trouble == nil)
        #expect(account.sum == 3 && account.failed == 1)
        #expect(
            account.sums.map(\.end.description) == [
                "decided", "fallen back: stock by mirror", "failed: stock, rejected by breaker",
            ])
        account.end(1, .decided)
        #expect(account.trouble == "purchase 2 ended twice")
    }

    @Test func whatDecidedIsNamedByItsSteps() {
        let shelf = ServedBy.staleValue(name: "full shelf")
        #expect(PurchaseEnd(stock: .primary, price: .primary) == .decided)
        #expect("\(PurchaseEnd(stock: Self.mirror, price: .primary))" == "fallen back: stock by mirror")
        let guessed = PurchaseEnd(stock: shelf, price: Self.mirror)
        #expect(guessed.description == "fallen back: stock by full shelf, price by mirror")
        #expect(PurchaseEnd(stock: Self.mirror, price: Self.mirror).isExact)
        #expect(!guessed.isExact && !Self.failed.isExact)
    }

    @Test func theExitCodeFollowsFromTheAccount() {
        var account = ShopAccount(count: 1)
        account.submit()
        account.end(0, Self.failed)
        var summary = ShopRun.Summary(account: account)
        #expect(ShopReport(summary: summary, isChaos: true, seed: 1).exitStatus == .done)
        let calm = ShopReport(summary: summary, isChaos: false, seed: 1)
        #expect(calm.exitStatus == .taskFailed)
        #expect(calm.complaint == "1 purchases failed at healthy services")
        summary.signal = 15
        #expect(ShopReport(summary: summary, isChaos: true, seed: 1).exitStatus == .interrupted)
        summary.trouble = "purchase 1 ended twice"
        let broken = ShopReport(summary: summary, isChaos: true, seed: 1)
        #expect(broken.exitStatus == .taskFailed && broken.complaint == "purchase 1 ended twice")
    }
}
