import GyreCore

/// One run of a map, without its types.
///
/// `@unchecked Sendable`: items are taken, outcomes delivered and the result written by one caretaker at a time, whose
/// edges are those of the lock of the window; a slot belongs to its member while that runs.
@usableFromInline
final class Expansion: @unchecked Sendable {
    let limit: Int
    let window: ExpansionWindow
    let members: ErasedMembers
    /// Why it stopped before its end. The caretaker's.
    var stopReason: Stop?
    /// When it is given up. Written before its first member.
    var deadline: MonotonicInstant?

    enum Stop {
        case failed(any Error)
        case cancelled
        case timedOut
    }

    @usableFromInline
    init(limit: Int, slots: Int, order: MapOrder, members: ErasedMembers) {
        self.limit = limit
        self.members = members
        window = ExpansionWindow(slots: slots, order: order)
    }

    func stop(_ reason: Stop) {
        if stopReason == nil { stopReason = reason }
    }
}

/// What depends on types. Closures, because they are compiled for their types where the graph is described; methods of
/// a generic class that are called through its base are not, and looking types up cost as much as all the rest.
@usableFromInline
struct ErasedMembers {
    /// Takes the next item into a slot. False when there is none.
    let take: (_ slot: Int) -> Bool
    /// Runs the member in a slot. True when it failed.
    let run: (_ slot: Int) -> Bool
    /// The call of an async member; `nil` when members are synchronous.
    let call: (_ slot: Int) -> AsyncCall?
    /// Notes how a member ended that has no value.
    let note: (_ outcome: Outcome<Never>, _ slot: Int) -> Void
    /// Hands an outcome over and forgets it.
    let deliver: (_ slot: Int, _ index: Int) throws -> Void
    /// Writes the result to where the run keeps it.
    let finish: (_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) -> Void

    @usableFromInline
    init(
        take: @escaping (Int) -> Bool, run: @escaping (Int) -> Bool, call: @escaping (Int) -> AsyncCall?,
        note: @escaping (Outcome<Never>, Int) -> Void, deliver: @escaping (Int, Int) throws -> Void,
        finish: @escaping (UnsafeMutableRawPointer, UnsafePointer<Int32>) -> Void
    ) {
        self.take = take
        self.run = run
        self.call = call
        self.note = note
        self.deliver = deliver
        self.finish = finish
    }
}

/// The members of one run of a map.
@usableFromInline
final class MapMembers<Input: Sendable, Items: Sequence, Output: Sendable, Result: Sendable>
where Items.Element: Sendable {
    @usableFromInline let own: Int
    @usableFromInline let name: String
    @usableFromInline let input: Input
    @usableFromInline var items: Items.Iterator
    @usableFromInline let body: MapBody<Input, Items.Element, Output>
    @usableFromInline let collect: MapCollector<Output, Result>
    @usableFromInline var result: Result
    @usableFromInline let places: UnsafeMutablePointer<MapPlace<Items.Element, Output>>
    @usableFromInline let slots: Int

    @inlinable
    init(
        own: Int, bounds: MapBounds, input: Input, items: Items, body: MapBody<Input, Items.Element, Output>,
        initial: Result, collect: @escaping MapCollector<Output, Result>
    ) {
        self.own = own
        name = bounds.name
        self.input = input
        self.items = items.makeIterator()
        self.body = body
        self.collect = collect
        result = initial
        // No more slots than there may be items.
        slots = Swift.min(bounds.window, bounds.limit)
        places = .allocate(capacity: slots)
        places.initialize(repeating: MapPlace(), count: slots)
    }

    @inlinable
    func erased() -> ErasedMembers {
        ErasedMembers(
            take: { self.take($0) }, run: { self.run($0) }, call: { self.call($0) }, note: { self.note($0, $1) },
            deliver: { try self.deliver($0, index: $1) }, finish: { self.finish($0, $1) })
    }

    deinit {
        places.deinitialize(count: slots)
        places.deallocate()
    }

    @inlinable
    func take(_ slot: Int) -> Bool {
        places[slot].item = items.next()
        return places[slot].item != nil
    }

    @inlinable
    func run(_ slot: Int) -> Bool {
        guard case .sync(let body) = body, let item = places[slot].item else {
            preconditionFailure("a synchronous member has its item")
        }
        places[slot].item = nil
        do {
            places[slot].outcome = .succeeded(try body(input, item))
            return false
        } catch is CancellationError {
            places[slot].outcome = .skipped(because: name)
            return false
        } catch {
            places[slot].outcome = .failed(error)
            return true
        }
    }

    @inlinable
    func call(_ slot: Int) -> AsyncCall? {
        guard case .async(let body) = body, let item = places[slot].item else { return nil }
        places[slot].item = nil
        return memberCall(body, input, item, places + slot)
    }

    @inlinable
    func note(_ outcome: Outcome<Never>, _ slot: Int) {
        places[slot].item = nil
        places[slot].outcome = outcome.retyped()
    }

    @inlinable
    func deliver(_ slot: Int, index: Int) throws {
        guard let outcome = places[slot].outcome else { preconditionFailure("a member that ended has its outcome") }
        places[slot].outcome = nil
        try collect(&result, index, outcome)
    }

    @inlinable
    func finish(_ base: UnsafeMutableRawPointer, _ offsets: UnsafePointer<Int32>) {
        (base + Int(offsets[own + 1])).initializeMemory(as: Result.self, to: result)
    }
}

/// What a slot of a map holds.
@usableFromInline
struct MapPlace<Item: Sendable, Output: Sendable> {
    @usableFromInline var item: Item?
    @usableFromInline var outcome: Outcome<Output>?

    @inlinable
    init() {}
}

/// The call of an async member, whose value goes to `place`.
@inlinable
func memberCall<Input: Sendable, Item: Sendable, Output: Sendable>(
    _ body: @escaping AsyncMapBody<Input, Item, Output>, _ input: Input, _ item: Item,
    _ place: UnsafeMutablePointer<MapPlace<Item, Output>>
) -> AsyncCall {
    let box = ValueBox<Output>()
    nonisolated(unsafe) let place = place  // of the expansion, which lives until all its members have ended
    return AsyncCall(
        body: { box.value = try await body(input, item) },
        store: { _, _ in
            guard let value = box.value else { preconditionFailure("a body that succeeded has left its value") }
            place.pointee.outcome = .succeeded(value)
        })
}

/// What a map does with each item.
@usableFromInline
enum MapBody<Input: Sendable, Item: Sendable, Output: Sendable>: Sendable {
    case sync(@Sendable (Input, Item) throws -> Output)
    case async(AsyncMapBody<Input, Item, Output>)
}

/// It stays on the executor that calls it, as every ``AsyncBody``.
@usableFromInline
typealias AsyncMapBody<Input: Sendable, Item: Sendable, Output: Sendable> =
    nonisolated(nonsending) @Sendable (Input, Item) async throws -> Output

/// What a map does with each outcome, one at a time.
@usableFromInline
typealias MapCollector<Output: Sendable, Result> = @Sendable (inout Result, Int, Outcome<Output>) throws -> Void

/// The bounds of a map, and its name.
@usableFromInline
struct MapBounds: Sendable {
    @usableFromInline let name: String
    @usableFromInline let limit: Int
    @usableFromInline let window: Int
    @usableFromInline let order: MapOrder

    @usableFromInline
    init(name: String, limit: Int, window: Int, order: MapOrder) {
        self.name = name
        self.limit = limit
        self.window = window
        self.order = order
    }
}
