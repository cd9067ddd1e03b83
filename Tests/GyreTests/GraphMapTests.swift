import Gyre
import GyreCore
import Testing

/// Maps: bounds, order, failures and what they keep in memory.
@Suite struct GraphMapTests {
    @Test(arguments: [1, 2], [1, 3, 64]) func everyItemHasItsOutcomeInOrder(workers: Int, window: Int) async throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 64)
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { 0..<$0 }
        let doubled = graph.map("doubled", over: items, limit: 5_000, window: window) { _, item in
            if item % 10 == 3 { throw Failure(number: item) }
            if item % 10 == 7 { throw CancellationError() }
            return item * 2
        }
        let sum = graph.node("sum", doubled) { _, doubled in doubled.compactMap(\.value).reduce(0, +) }
        let plan = try graph.build()
        for count in [0, 1, 2, 1_000, 5_000] {
            let result = try await runtime.run(plan, count)
            let outcomes = try #require(result[doubled].value)
            #expect(outcomes.count == count)
            for (item, outcome) in outcomes.enumerated() {
                switch outcome {
                case .succeeded(let value): #expect(value == item * 2 && item % 10 != 3 && item % 10 != 7)
                case .failed(let error): #expect(error as? Failure == Failure(number: item))
                default: #expect(skippedBecause(outcome) == "doubled" && item % 10 == 7)
                }
            }
            let expected = (0..<count).filter { $0 % 10 != 3 && $0 % 10 != 7 }.reduce(0) { $0 + $1 * 2 }
            #expect(result[sum].value == expected)
        }
        await runtime.finishAsync()
    }

    /// Items count themselves from the moment they are taken to that of their delivery.
    @Test(arguments: [MapOrder.items, .completion], [1, 4]) func noMoreThanAWindowOfItemsExists(
        order: MapOrder, window: Int
    ) async throws {
        let runtime = try makeRuntime()
        let lives = Tally()
        let most = Shelf<Int>(1)
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { count in
            Made(count) { number in
                defer { most.put(max(lives.count, most[0] ?? 0), at: 0) }
                return Item(number: number, life: Life(lives))
            }
        }
        let sum = graph.map(
            "sum", over: items, limit: 2_000, window: window, order: order, into: 0
        ) { _, item async throws in
            if item.number % 5 == 0 { await Task.yield() }
            return item
        } each: { sum, _, outcome in
            sum += outcome.value?.number ?? 0
        }
        let result = try await runtime.run(try graph.build(), 2_000)
        #expect(result[sum].value == 2_000 * 1_999 / 2)
        // Each of two workers may still be leaving the body of an item that was delivered by the other.
        #expect(try #require(most[0]) <= window + 2)
        await runtime.finishAsync()
        #expect(eventually { lives.count == 0 }, "a runner that waits may still hold the last one")
    }

    private struct Item: Sendable {
        let number: Int
        let life: Life
    }

    @Test func streamsKeepTheOrderOfItemsAndTellTheNumber() async throws {
        let runtime = try makeRuntime()
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { 0..<$0 }
        let list = graph.map("list", over: items, limit: 1_000, window: 7, into: [Int]()) { _, item in
            item
        } each: {
            list, number, outcome in
            if outcome.value == number { list.append(number) }
        }
        let result = try await runtime.run(try graph.build(), 1_000)
        #expect(result[list].value == Array(0..<1_000))
        await runtime.finishAsync()
    }

    @Test func oneItemTooManyFailsTheMapWithItsLimit() async throws {
        let runtime = try makeRuntime()
        let ran = Tally()
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { 0..<$0 }
        let map = graph.map("map", over: items, limit: 10, window: 4) { _, _ in ran.add() }
        let plan = try graph.build()
        #expect(try await runtime.run(plan, 10).status == .success)
        let result = try await runtime.run(plan, 11)
        #expect(throws: NodeError.tooManyItems(limit: 10, node: "map")) { try result[map].get() }
        #expect("\(NodeError.tooManyItems(limit: 10, node: "map"))".contains("10 items"))
        #expect(ran.count <= 20)
        await runtime.finishAsync()
    }

    @Test func aCollectorThatThrowsEndsTheMap() async throws {
        let runtime = try makeRuntime()
        let ran = Tally()
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { _ in 0..<Int.max }
        let map = graph.map("map", over: items, limit: .max, window: 4, into: 0) { _, _ in
            ran.add()
        } each: {
            sum, number, _ in
            if number == 100 { throw Failure(number: 100) }
            sum += 1
        }
        let result = try await runtime.run(try graph.build(), 0)
        #expect(throws: Failure(number: 100)) { try result[map].get() }
        #expect((101...105).contains(ran.count))
        await runtime.finishAsync()
    }

    @Test(arguments: [("limit", 0, 1), ("window", 1, 0)]) func aMapNeedsRoomForOne(
        bound: String, limit: Int, window: Int
    ) {
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { 0..<$0 }
        _ = graph.map("map", over: items, limit: limit, window: window) { _, item in item }
        #expect(throws: GraphError.bound(bound, value: 0, node: "map")) { try graph.build() }
    }

    @Test func cancellingARunEndsItsMaps() async throws {
        let runtime = try makeRuntime()
        let sleepers = (0..<3).map { _ in Sleeper() }
        let taken = Tally()
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { _ in
            Made(3) { number in
                taken.add()
                return sleepers[number]
            }
        }
        let map = graph.map("map", over: items, limit: 100, window: 2) { _, sleeper in try await sleeper.sleep() }
        let endless = graph.node("numbers") { _ in 0..<Int.max }
        let sync = graph.map("endless", over: endless, limit: .max, window: 2, into: 0) { _, item in
            item
        } each: { _, _, _ in
        }
        let plan = try graph.build()
        let caller = Task { try await runtime.run(plan, 0) }
        #expect(await eventuallyAsync { sleepers[0].isAsleep && sleepers[1].isAsleep })
        caller.cancel()
        let result = try await caller.value
        #expect(isCancelled(result[map], .user))
        #expect(isCancelled(result[sync], .user))
        #expect(taken.count == 2)
        await runtime.finishAsync()
    }

    @Test func aMapThatTakesTooLongIsGivenUp() async throws {
        let runtime = try makeRuntime()
        let sleepers = (0..<10).map { _ in Sleeper() }
        var graph = TaskGraph<Int>("map")
        let items = graph.node("items") { 0..<$0 }
        let map = graph.map("map", over: items, limit: 100, window: 2, timeout: .milliseconds(2)) { _, item in
            if item > 0 { try await sleepers[item].sleep() }
            return item
        }
        let result = try await runtime.run(try graph.build(), 10)
        guard case .timedOut = result[map] else { return #expect(Bool(false), "\(result[map])") }
        await runtime.finishAsync()
    }
}

/// Items that are made when they are taken.
private struct Made<Item: Sendable>: Sequence, Sendable {
    let count: Int
    let make: @Sendable (Int) -> Item

    init(_ count: Int, _ make: @escaping @Sendable (Int) -> Item) {
        self.count = count
        self.make = make
    }

    func makeIterator() -> AnyIterator<Item> {
        var next = 0
        return AnyIterator {
            guard next < count else { return nil }
            defer { next += 1 }
            return make(next)
        }
    }
}
