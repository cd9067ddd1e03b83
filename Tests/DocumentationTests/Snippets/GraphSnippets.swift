import Gyre

/// The article about graphs, up to its end; returns what its nodes have come to.
func graphsExample(_ trip: Trip) async throws -> (first: GraphResult, last: GraphResult, undone: [UndoReport]) {
    let gyre = try Runtime()
    var graph = TaskGraph<Trip>("trip")
    let flight = graph.node("flight") { trip in try book(flightTo: trip.place) }
    let hotel = graph.node("hotel") { trip in try book(hotelIn: trip.place) }
    let bill = graph.node("bill", flight, hotel) { trip, flight, hotel in flight.price + hotel.price * trip.nights }
    let result = try await gyre.run(graph.build(), trip)

    let weather = graph.node("weather", timeout: .seconds(2)) { trip in try await forecast(trip.place) }

    let plan = graph.join("plan", bill, weather, rule: .anySucceeded) { _, bill, weather in
        "\(bill.value.map { "\($0) EUR" } ?? "no price"), \(weather.value ?? "no forecast")"
    }

    var order = TaskGraph<Trip>("order", onFailure: .compensate)
    let seat = order.node("seat") { trip in try await reserve(trip) }
    let charge = order.node("charge", seat) { trip, seat in try await pay(trip, seat) }
    order.undo(seat, retry: try RetryPolicy(attemptsMax: 5)) { _, seat in try await release(seat) }
    order.undo(charge) { _, receipt in try await refund(receipt) }

    let risk = graph.node("risk") { trip in trip.nights > 20 }
    let review = graph.node("review", risk.when { $0.value == true }) { trip, _ in try ask("Really \(trip.nights)?") }
    let accept = graph.node("accept", risk.when { $0.value == false }) { _, _ in "accepted" }
    let answer = graph.join("answer", review, accept, rule: .noneFailedMinOneSuccess) { _, review, accept in
        review.value ?? accept.value
    }

    let sights = graph.node("sights") { trip in try list(sightsOf: trip.place) }
    let texts = graph.map("texts", over: sights, limit: 1_000, window: 8) { _, sight in try await describe(sight) }
    let length = graph.map("length", over: sights, limit: 1_000, window: 8, into: 0) { _, sight in
        sight.count
    } each: { sum, _, outcome in
        sum += outcome.value ?? 0
    }

    let polished = graph.loop("polished", from: plan, max: 3) { _, text in
        text.count < 80 ? .done(text) : .again(String(text.prefix(80)))
    }

    print(result.picture.text)
    for step in result.criticalPath { print(step.name, step.waited, step.ran) }

    // Beyond the article: all of it is run.
    let last = try await gyre.run(graph.build(), trip)
    _ = order.node("fails", charge) { _, _ -> Int in throw NoSuchPlace() }
    let undone = try await gyre.run(order.build(), trip).undone
    await gyre.drain()
    guard try last[bill].get() == 600, try last[polished].get() == "600 EUR, sunny",
        try last[answer].get() == "accepted", try last[texts].get().count == 2, try last[length].get() == 10
    else { throw NoSuchPlace() }
    return (result, last, undone)
}

/// The input of the article's graphs.
struct Trip: Sendable {
    let place: String
    let nights: Int
}

private struct Booking: Sendable {
    let price: Int
}

private struct NoSuchPlace: Error {}

private func book(flightTo place: String) throws -> Booking {
    if place.isEmpty { throw NoSuchPlace() }
    return Booking(price: 300)
}

private func book(hotelIn place: String) throws -> Booking {
    if place.isEmpty { throw NoSuchPlace() }
    return Booking(price: 100)
}

private func forecast(_ place: String) async throws -> String { "sunny" }
private func list(sightsOf place: String) throws -> [String] { ["tower", "river"] }
private func describe(_ sight: String) async throws -> String { "the \(sight)" }
private func ask(_ question: String) throws -> String? { question }
private func reserve(_ trip: Trip) async throws -> Int { 7 }
private func release(_ seat: Int) async throws {}
private func pay(_ trip: Trip, _ seat: Int) async throws -> String { "paid" }
private func refund(_ receipt: String) async throws {}
