import CGyre

/// A timing wheel and what it has fired, for tests. A timer's words are its number and the complement of it.
final class Wheel: @unchecked Sendable {  // the wheel is safe from any thread; `fired` belongs to whoever advances
    struct Fired: Equatable {
        var number: UInt64
        var due: UInt64
        var lateness: UInt64
    }

    let pointer: OpaquePointer

    init(capacity: UInt32, now: UInt64 = 0) {
        guard let created = gyre_timer_create(capacity, now) else { preconditionFailure("no memory for a wheel") }
        pointer = created
    }

    deinit { gyre_timer_destroy(pointer) }

    /// The token, and whether to wake whoever sleeps until the next due time. `nil` when the wheel is full.
    func insert(_ number: UInt64, due: UInt64) -> (token: gyre_timer_token, wake: Bool)? {
        var token: gyre_timer_token = 0
        var wake = false
        guard gyre_timer_insert(pointer, due, { _, _ in }, number, ~number, &token, &wake) else { return nil }
        return (token, wake)
    }

    func cancel(_ token: gyre_timer_token) -> Bool { gyre_timer_cancel(pointer, token) }

    /// Turns the wheel and hands each timer that fires to `body`.
    func advance(to now: UInt64, _ body: (Fired) -> Void) -> gyre_timer_turn {
        withoutActuallyEscaping(body) { body in
            var body = body
            return withUnsafeMutablePointer(to: &body) { context in
                gyre_timer_advance(
                    pointer, now,
                    { context, fired in
                        guard let context, let fired = fired?.pointee, fired.function != nil else {
                            preconditionFailure("a sink is called with its context and a timer")
                        }
                        precondition(fired.word1 == ~fired.word0, "the words of one timer belong together")
                        let body = context.assumingMemoryBound(to: ((Fired) -> Void).self)
                        body.pointee(Fired(number: fired.word0, due: fired.due, lateness: fired.lateness))
                    }, context)
            }
        }
    }

    /// Turns the wheel and returns what fired, in order.
    func advance(to now: UInt64) -> [Fired] {
        var all: [Fired] = []
        let turn = advance(to: now) { all.append($0) }
        precondition(!turn.busy, "nobody else turns this wheel")
        return all
    }

    var nextDue: UInt64 { gyre_timer_next_due(pointer) }
    var waiting: UInt64 { gyre_timer_waiting(pointer) }
}

/// SplitMix64: a seed, one history.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
