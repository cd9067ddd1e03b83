#if CLI
import Gyre

/// The graph of ``StorefrontGraph`` with `stock` and `price` as services: async nodes that hold up no worker.
struct ShopGraph: Sendable {
    /// One for each service.
    let dependencies: [ShopDependency]

    let plan: GraphPlan<Purchase>
    let stockNode: Node<Served<Stock>>
    let priceNode: Node<Served<PriceList>>
    let notify: Node<DecisionLine>

    /// - Parameter customers: How many customers there are: each is a key of `behaviour`.
    init(
        customers: Int, on runtime: Runtime, client: ShopClient, policies: ShopPolicies, seed: UInt64
    ) throws {
        var made: [ShopService: ShopDependency] = [:]
        for service in ShopService.allCases {
            let isMirror = service == .stockMirror || service == .priceMirror
            made[service] = try ShopDependency(
                service, on: runtime, isMirror ? policies.mirror : policies.service, client: client, seed: seed)
        }
        func dependency(_ service: ShopService) -> ShopDependency {
            guard let dependency = made[service] else { preconditionFailure("each service has one") }
            return dependency
        }
        let stock = try ShopLookup(
            dependency(.stock), mirror: dependency(.stockMirror), cooldown: policies.mirrorCooldown,
            guess: "full shelf", on: runtime
        ) { Stock(answer: $0) }
        let price = try ShopLookup(
            dependency(.price), mirror: dependency(.priceMirror), cooldown: policies.mirrorCooldown,
            guess: "list price", on: runtime
        ) { PriceList(answer: $0) }
        dependencies = ShopService.allCases.map(dependency)

        let catalogue = Catalogue.standard
        var graph = TaskGraph<Purchase>("storefront")
        let behaviour = graph.node(
            "behaviour", orderedBy: \.customer, state: CustomerHistory(), keys: customers
        ) { purchase, history in
            purchase.behaviour(&history)
        }
        let stockNode = graph.node("stock") { purchase in
            try await stock.answer(for: purchase.index, .stock(on: purchase.date)) {
                Stock(levels: catalogue.seasonLevels[Int(purchase.date.month % 12 / 3)])
            }
        }
        let priceNode = graph.node("price", behaviour, stockNode) { purchase, behaviour, stock in
            try await price.answer(for: purchase.index, .price(for: behaviour.tier, stock.value)) {
                catalogue.listPrices(of: stock.value)
            }
        }
        let decide = graph.node("decide", behaviour, priceNode) { purchase, behaviour, price in
            purchase.decide(behaviour, price.value, catalogue)
        }
        notify = graph.node("notify", decide) { purchase, decision in purchase.notify(decision, catalogue) }
        self.stockNode = stockNode
        self.priceNode = priceNode
        plan = try graph.build()
    }
}

extension Catalogue {
    /// What the shop knows without asking: no rebate for anybody, and nothing that is not there.
    fileprivate func listPrices(of stock: Stock) -> PriceList {
        var prices = InlineArray<16, UInt16?>(repeating: nil)
        for index in prices.indices where stock.levels[index] > 0 { prices[index] = listCents[index] }
        return PriceList(prices: prices)
    }
}
#endif
