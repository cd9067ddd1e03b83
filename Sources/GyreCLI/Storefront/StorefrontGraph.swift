import Gyre

/// The five tasks of the workload's page as a graph. Built anew for each pass, so that no customer is known.
///
///     behaviour ──▶ price ──▶ decide ──▶ notify
///         │           ▲          ▲
///         │  stock ───┘          │
///         └──────────────────────┘
struct StorefrontGraph: Sendable {
    /// Nodes, each of them one agent task.
    static let tasksPerPurchase = 5

    let plan: GraphPlan<Purchase>
    /// Its output is the line of the decisions file.
    let notify: Node<DecisionLine>

    /// - Parameter customers: How many customers there are: each is a key of `behaviour`.
    init(customers: Int) throws(GraphError) {
        let catalogue = Catalogue.standard
        var graph = TaskGraph<Purchase>("storefront")
        let behaviour = graph.node(
            "behaviour", orderedBy: \.customer, state: CustomerHistory(), keys: customers
        ) { purchase, history in
            purchase.behaviour(&history)
        }
        let stock = graph.node("stock") { purchase in catalogue.stock(on: purchase.date) }
        let price = graph.node("price", behaviour, stock) { _, behaviour, stock in
            catalogue.prices(for: behaviour.tier, stock)
        }
        let decide = graph.node("decide", behaviour, price) { purchase, behaviour, price in
            purchase.decide(behaviour, price, catalogue)
        }
        notify = graph.node("notify", decide) { purchase, decision in purchase.notify(decision, catalogue) }
        plan = try graph.build()
    }
}
