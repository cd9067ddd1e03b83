import Gyre
import GyrePolicy

/// A thread that submits, choosing by its own chance.
struct StressProducer: Sendable {
    private let runtime: Runtime
    private let journal: StressJournal
    private let graph: StressGraph
    private let submits: Int
    private let plant: StressRound.Plant?
    private var chance: SeededRandom

    init(
        runtime: Runtime, journal: StressJournal, graph: StressGraph, plan: StressPlan, index: Int,
        plant: StressRound.Plant?
    ) {
        self.runtime = runtime
        self.journal = journal
        self.graph = graph
        self.plant = plant
        submits = plan.submits
        chance = plan.chance(ofProducer: index)
    }

    mutating func produce() {
        for index in 0..<submits {
            switch plant {
            case .loss(at: index): journal.entry(.post).end(.accepted)
            case .double(at: index):
                let entry = journal.entry(.post)
                post(entry, whenFull: .wait)
                fire(entry, again: true)
            default: submitOne()
            }
        }
    }

    private mutating func submitOne() {
        let whenFull = roll(4) == 0 ? WhenFull.fail : .wait
        switch roll(20) {
        case 0..<4: fire(journal.entry(.fire))
        case 4, 5: ticket()
        case 6..<9: post(journal.entry(.post), whenFull: whenFull)
        case 9, 10: late(whenFull)
        case 11..<13: handle(whenFull)
        case 13, 14: async(whenFull)
        case 15: run()
        case 16, 17: runGraph(whenFull)
        default: nested(whenFull)
        }
    }

    private mutating func roll(_ sides: Int) -> Int { Int.random(in: 0..<sides, using: &chance) }

    // MARK: - Without a handle

    private func fire(_ entry: StressEntry, again: Bool = false) {
        do {
            // The journal keeps the entry beyond the end of the runtime.
            let word = UInt64(UInt(bitPattern: Unmanaged.passUnretained(entry).toOpaque()))
            try runtime.fire(stressFired, word)
            if !again { entry.end(.accepted) }
        } catch {
            if !again { entry.end(.refused(error)) }
        }
    }

    private mutating func ticket() {
        let entry = journal.entry(.ticket)
        do {
            let word = UInt64(UInt(bitPattern: Unmanaged.passUnretained(entry).toOpaque()))
            let ticket = try runtime.fireCancellable(stressFired, word)
            let isWithdrawn = roll(2) == 0 && runtime.cancel(ticket)
            entry.end(isWithdrawn ? .withdrawn : .accepted)
        } catch {
            entry.end(.refused(error))
        }
    }

    private func post(_ entry: StressEntry, whenFull: WhenFull) {
        do {
            try runtime.post(whenFull: whenFull) { entry.start() }
            entry.end(.accepted)
        } catch {
            entry.end(.refused(error))
        }
    }

    private mutating func late(_ whenFull: WhenFull) {
        let entry = journal.entry(.late)
        // Some have passed already, most pass about when the task would start.
        let now = runtime.clock.now
        let deadline = roll(8) == 0 ? now : now + .microseconds(roll(400))
        do {
            try runtime.post(deadline: deadline, whenFull: whenFull) { entry.start() }
            entry.end(.accepted)
        } catch {
            entry.end(.refused(error))
        }
    }

    // MARK: - With a handle

    private mutating func handle(_ whenFull: WhenFull) {
        let entry = journal.entry(.handle)
        let (value, isFailing) = (chance.next(), roll(8) == 0)
        do {
            let handle = try runtime.post(whenFull: whenFull) {
                entry.start()
                if isFailing { throw StressGraph.Meant() }
                return value
            }
            if roll(3) == 0 { handle.cancel() }
            journal.ask(entry) { handle.outcome.map { StressEnd($0, expected: value) } }
        } catch {
            entry.end(.refused(error))
        }
    }

    private mutating func async(_ whenFull: WhenFull) {
        let entry = journal.entry(.async)
        let (value, pause) = (chance.next(), roll(300))
        let deadline = roll(4) == 0 ? runtime.clock.now + .microseconds(roll(600)) : nil
        do {
            let handle = try runtime.post(deadline: deadline, whenFull: whenFull) {
                [runtime] () async throws -> UInt64 in
                entry.start()
                await Task.yield()
                // A body that is cancelled while it sleeps returns early, which is no failure of its own.
                if pause > 100 { try await runtime.sleep(for: .microseconds(pause)) }
                return value
            }
            if roll(4) == 0 { handle.cancel() }
            journal.ask(entry) { handle.outcome.map { StressEnd($0, expected: value) } }
        } catch {
            entry.end(.refused(error))
        }
    }

    private mutating func run() {
        let entry = journal.entry(.run)
        let (value, isCancelled) = (chance.next(), roll(4) == 0)
        journal.await(entry)
        let task = Task { [runtime] in
            do {
                let result = try await runtime.run {
                    entry.start()
                    await Task.yield()
                    return value
                }
                entry.end(result == value ? .succeeded : .wrong("the value of another task"))
            } catch let error as GyreError where error.code == .closed {
                entry.end(.refused(.closed))
            } catch {
                entry.end(.wrong("failed with \(error)"))
            }
        }
        if isCancelled { task.cancel() }
    }

    // MARK: - Several at once

    private mutating func runGraph(_ whenFull: WhenFull) {
        let input = StressGraph.Input(
            entries: (0..<StressGraph.nodeCount).map { _ in journal.entry(.node) },
            failing: roll(3) == 0 ? roll(StressGraph.nodeCount) : nil, key: UInt64(roll(16)))
        do {
            for entry in input.entries { journal.await(entry) }
            try runtime.post(graph.plan, input, whenFull: whenFull) { [graph] result in graph.end(input, result) }
        } catch {
            for entry in input.entries { entry.end(.refused(error)) }
        }
    }

    /// A task that submits others. It does not wait for room: tasks that do can hold all the room there is.
    private mutating func nested(_ whenFull: WhenFull) {
        let entry = journal.entry(.post)
        var own = self
        own.chance = SeededRandom(seed: chance.next())
        let producer = own
        do {
            try runtime.post(whenFull: whenFull) {
                entry.start()
                var own = producer
                own.fire(own.journal.entry(.fire))
                own.post(own.journal.entry(.post), whenFull: .fail)
                own.handle(.fail)
            }
            entry.end(.accepted)
        } catch {
            entry.end(.refused(error))
        }
    }
}

/// The body of what is fired: its word is the entry.
private let stressFired: @convention(c) (UInt64) -> Void = { word in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<StressEntry>.fromOpaque(pointer).takeUnretainedValue().start()
}
