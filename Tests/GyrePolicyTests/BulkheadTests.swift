import GyreCore
import GyrePolicy
import Testing

@Suite struct BulkheadTests {
    @Test func twentyFiveRunAndTheNextIsRefusedAtOnce() throws {
        let bulkhead = try Bulkhead()
        var state = PermitState()
        for _ in 0..<25 {
            let answer = bulkhead.admit(state)
            #expect(answer.verdict == .admitted)
            state = answer.state
        }
        #expect(bulkhead.admit(state).verdict == .full)
        #expect(bulkhead.admit(state).state == state)
        #expect(bulkhead.release(state).state == PermitState(inUse: 24))
    }

    @Test func aPermitThatComesBackGoesToWhoWaits() throws {
        let bulkhead = try Bulkhead(permits: 1, waitersMax: 1, waitMax: .seconds(1))
        let first = bulkhead.admit(PermitState())
        let second = bulkhead.admit(first.state)
        #expect(second.verdict == .wait)
        #expect(bulkhead.admit(second.state).verdict == .full)
        let released = bulkhead.release(second.state)
        #expect(released.handsOver)
        #expect(released.state == PermitState(inUse: 1))
    }

    @Test func whoComesLaterDoesNotOvertakeWhoWaits() {
        let state = PermitState(inUse: 1, waiting: 1)
        #expect(state.admitting(limit: 5, waitersMax: 9).verdict == .wait)
    }

    @Test func underAFallenLimitPermitsAreWithdrawn() {
        let released = PermitState(inUse: 8, waiting: 2).releasing(limit: 4)
        #expect(!released.handsOver)
        #expect(released.state == PermitState(inUse: 7, waiting: 2))
    }

    @Test(arguments: [
        (UInt32(0), UInt32(0), Duration.zero, "permits"), (1, 0, .seconds(1), "waitMax"), (1, 1, .zero, "waitMax"),
        (1, 1, .seconds(-1), "waitMax"),
    ])
    func whatMakesNoSenseIsNamed(permits: UInt32, waitersMax: UInt32, waitMax: Duration, field: String) {
        #expect { try Bulkhead(permits: permits, waitersMax: waitersMax, waitMax: waitMax) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    @Test func everyValueSaysWhereItCameFrom() throws {
        #expect(
            try Bulkhead(permits: 3).settings.map(\.description)
                == ["permits = 3 (user)", "waitersMax = 0 (default)", "waitMax = 0 s (default)"])
    }

    /// P1 and P2, with every step where a thread may be held up a step of its own.
    @Test func noInterleavingLeaksAPermitOrForgetsAWaiter() {
        forSeeds { random in
            var crowd = Crowd(limit: UInt32.random(in: 1...4, using: &random))
            for _ in 0..<80 { try crowd.step(&random) }
            try crowd.end(&random)
        }
    }
}

/// Tasks that ask for permits, wait, give up and give back, and threads that carry a permit to a waiter.
private struct Crowd {
    var limit: UInt32
    var state = PermitState()
    var queue: [Int] = []
    var running: UInt32 = 0
    /// Threads between the exchange that handed a permit over and the lock under which they take a waiter.
    var carriers: UInt32 = 0
    var next = 0

    init(limit: UInt32) { self.limit = limit }

    mutating func step(_ random: inout SeededRandom) throws {
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3: arrive()
        case 4, 5: if running > 0 { release() }
        case 6, 7: if carriers > 0 { deliver() }
        case 8: giveUp(&random)
        default: changeLimit(UInt32.random(in: 1...4, using: &random))
        }
        try check()
    }

    private mutating func arrive() {
        let answer = state.admitting(limit: limit, waitersMax: 5)
        state = answer.state
        switch answer.verdict {
        case .admitted: running += 1
        case .wait: queue.append(next)
        case .full: break
        }
        next += 1
    }

    private mutating func release() {
        running -= 1
        giveBack()
    }

    private mutating func giveBack() {
        let answer = state.releasing(limit: limit)
        state = answer.state
        if answer.handsOver { carriers += 1 }
    }

    private mutating func deliver() {
        carriers -= 1
        guard !queue.isEmpty else { return giveBack() }
        queue.removeFirst()
        running += 1
    }

    private mutating func giveUp(_ random: inout SeededRandom) {
        guard !queue.isEmpty else { return }
        queue.remove(at: Int.random(in: queue.indices, using: &random))
        state = state.leaving()
    }

    private mutating func changeLimit(_ limit: UInt32) {
        self.limit = limit
        while case let answer = state.promoting(limit: limit), answer.handsOver {
            state = answer.state
            carriers += 1
        }
    }

    private func check() throws {
        try require(state.inUse == running + carriers, "\(state.inUse) in use, \(running) run, \(carriers) under way")
        try require(queue.count <= Int(state.waiting + carriers), "\(queue.count) wait, \(state.waiting) are counted")
        try require(state.waiting == 0 || state.inUse >= limit, "somebody waits beside a free permit")
    }

    mutating func end(_ random: inout SeededRandom) throws {
        while running + carriers > 0 {
            if carriers > 0 { deliver() } else { release() }
            try check()
        }
        try require(state == PermitState(), "left behind: \(state.inUse) in use, \(state.waiting) waiting")
        try require(queue.isEmpty, "\(queue.count) wait for ever")
    }
}
