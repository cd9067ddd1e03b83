import Gyre

/// The README's example, up to its end.
func readmeExample() async throws {
    let gyre = try Runtime()
    try gyre.post { print("run once, on a pinned worker") }
    let square = try gyre.post { 12 * 12 }
    let next = try await gyre.run { try await square.value + 1 }
    var graph = TaskGraph<Int>("offer")
    let stock = graph.node("stock") { item in item % 7 }
    let price = graph.node("price") { item in item * 3 }
    let offer = graph.node("offer", stock, price) { _, stock, price in stock > 0 ? price : price / 2 }
    print(try await gyre.run(graph.build(), next)[offer].get())
    await gyre.drain()
    // Beyond the README: what the example did.
    let snapshot = gyre.snapshot()
    guard snapshot.tasksDone == 6, snapshot.tasksFailed == 0, snapshot.recordsInFlight == 0 else {
        throw UnexpectedEnd(snapshot: snapshot)
    }
}

/// An example ended in another way than its text says.
struct UnexpectedEnd: Error {
    let snapshot: RuntimeSnapshot
}
