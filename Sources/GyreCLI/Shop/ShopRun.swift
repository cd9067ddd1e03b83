#if CLI
import Dispatch
import Gyre

/// The log once more, with `stock` and `price` behind HTTP. What is decided exactly is compared with what was decided
/// without services.
struct ShopRun {
    struct Summary: Sendable {
        var account: ShopAccount
        var elapsed = Duration.zero
        var tallies: [(service: ShopService, tally: ShopTally)] = []
        /// Questions that the server answered, well or not.
        var answersCount: UInt64 = 0
        /// The first thing that went wrong: not a service, but this program.
        var trouble: String?
        /// The signal that ended the run early.
        var signal: Int32?
    }

    let runtime: Runtime
    let log: PurchaseLog
    /// How many purchases of the log, from its beginning.
    let count: Int
    let faults: ShopFaults
    let policies: ShopPolicies
    /// What all chance of the dependencies follows from.
    let seed: UInt64
    /// The lines that were decided without services; those that come out otherwise, and may, are put in their places.
    let decisions: DecisionBuffer

    /// Starts the server, replays, stops the server. Returns when everything that was submitted has ended.
    ///
    /// - Parameters:
    ///   - interruption: Asked ten times a second at least; a signal ends the run early.
    ///   - progress: Told how many purchases have ended.
    func replay(interruption: () -> Int32?, progress: (Int) -> Void) throws -> Summary {
        let faults = faults
        let server = try runtime.post { () async throws in try await ShopServer(faults: faults) }.wait()
        defer { stop(server) }
        let graph = try ShopGraph(
            customers: log.customerCount, on: runtime, client: ShopClient(address: server.address), policies: policies,
            seed: seed)
        let ledger = ShopLedger(account: ShopAccount(count: count), decisions: decisions)
        var summary = Summary(account: ShopAccount(count: 0))
        let began = runtime.clock.now
        let places = DispatchSemaphore(value: policies.purchasesMax)
        var submitted = 0
        submitting: for purchase in log.purchases.prefix(count) {
            while places.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
                summary.signal = interruption()
                if summary.signal != nil { break submitting }
            }
            if submitted % 16 == 0 {
                summary.signal = interruption()
                progress(submitted)
            }
            guard summary.signal == nil else {
                places.signal()
                break
            }
            ledger.submit()
            do {
                try runtime.post(graph.plan, purchase, whenFull: .wait) { result in
                    ledger.take(result, of: purchase, graph)
                    places.signal()
                }
            } catch {
                places.signal()
                summary.trouble = "purchase \(purchase.index + 1) could not be submitted: \(error)"
                break
            }
            submitted += 1
        }
        // The places of all that are under way: each of them has its deadlines.
        for _ in 0..<policies.purchasesMax { places.wait() }
        for _ in 0..<policies.purchasesMax { places.signal() }
        summary.elapsed = began.duration(to: runtime.clock.now)
        let (account, trouble) = ledger.close()
        summary.account = account
        summary.trouble = summary.trouble ?? trouble ?? account.trouble
        summary.tallies = graph.dependencies.map { ($0.service, $0.tally) }
        summary.answersCount = server.answersCount
        return summary
    }

    private func stop(_ server: ShopServer) {
        do {
            try runtime.post { () async in await server.stop() }.wait()
        } catch {
            preconditionFailure("the runtime is not drained before its run has ended: \(error)")
        }
    }
}

/// Where the purchases of a run end.
private final class ShopLedger: Sendable {
    private struct State {
        var account: ShopAccount
        var trouble: String?
        var deviations: [(purchase: UInt32, line: DecisionLine)] = []
    }

    private let state: Lock<State>
    private let decisions: DecisionBuffer

    init(account: ShopAccount, decisions: DecisionBuffer) {
        state = Lock(State(account: account))
        self.decisions = decisions
    }

    func submit() { state.withLock { $0.account.submit() } }

    /// Takes what became of one purchase. On a worker, once for each.
    func take(_ result: GraphResult, of purchase: Purchase, _ graph: ShopGraph) {
        let end: PurchaseEnd
        let line: DecisionLine
        switch (result[graph.notify], result[graph.stockNode], result[graph.priceNode]) {
        case (.succeeded(let decided), .succeeded(let stock), .succeeded(let price)):
            end = PurchaseEnd(stock: stock.by, price: price.by)
            line = decided
        default:
            end = .failed(ShopFailure(of: result))
            line = purchase.failureLine
        }
        let isSame = decisions.holds(line, at: purchase.index)
        state.withLock { state in
            state.account.end(purchase.index, end)
            if isSame { return }
            state.deviations.append((purchase.index, line))
            if end.isExact {
                state.trouble = state.trouble ?? "line \(purchase.index + 1) is not decided as without services"
            }
        }
    }

    /// Puts the lines in place that came out otherwise. When all have ended.
    func close() -> (account: ShopAccount, trouble: String?) {
        let (account, trouble, deviations) = state.withLock { ($0.account, $0.trouble, $0.deviations) }
        for (purchase, line) in deviations { decisions.store(line, at: purchase) }
        return (account, trouble)
    }
}
#endif
