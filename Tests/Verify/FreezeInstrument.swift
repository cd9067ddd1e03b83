import CVerify

/// Stops one of four threads inside an operation and looks whether the others go on. What "stopped" and "blocked" mean
/// exactly is said in verify_freeze.h.
struct FreezeInstrument: Instrument {
    let name = "freeze"
    let lane = Lane.alone

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Subject {
        let name: String
        let kind: verify_freeze_subject
        var queue = VERIFY_QUEUE_HANDLES
        var capacity: UInt32 = 2
    }

    private static let subjects = [
        Subject(name: "ring of 2, push and pop", kind: VERIFY_FREEZE_QUEUE),
        Subject(name: "ring of 64, push and pop", kind: VERIFY_FREEZE_QUEUE, capacity: 64),
        Subject(name: "ring of 2 words", kind: VERIFY_FREEZE_QUEUE, queue: VERIFY_QUEUE_WORDS),
        Subject(name: "ring of 64 records", kind: VERIFY_FREEZE_QUEUE, queue: VERIFY_QUEUE_RECORDS, capacity: 64),
        Subject(
            name: "ring of 2 records, threads without a number", kind: VERIFY_FREEZE_QUEUE,
            queue: VERIFY_QUEUE_NUMBERLESS),
        Subject(name: "ring of 2, push over and pop", kind: VERIFY_FREEZE_OVER),
        Subject(
            name: "ring of 64 records, push over and pop", kind: VERIFY_FREEZE_OVER, queue: VERIFY_QUEUE_RECORDS,
            capacity: 64),
        Subject(
            name: "ring of 2 records, push over, no number", kind: VERIFY_FREEZE_OVER, queue: VERIFY_QUEUE_NUMBERLESS),
        Subject(name: "lane of 4 batches, split", kind: VERIFY_FREEZE_QUEUE, queue: VERIFY_QUEUE_LANE, capacity: 4),
        Subject(
            name: "many to one, 64", kind: VERIFY_FREEZE_QUEUE, queue: VERIFY_QUEUE_MANY_TO_ONE, capacity: 64),
        Subject(name: "owner queue, push, pop and steal", kind: VERIFY_FREEZE_RUNQ),
        Subject(name: "depot, take and give", kind: VERIFY_FREEZE_DEPOT),
        Subject(name: "event count, notify and wait", kind: VERIFY_FREEZE_EVENT),
        Subject(name: "cache entry, use, sweep and claim", kind: VERIFY_FREEZE_CACHED),
    ]

    func run(_ context: Context, report: (Row) -> Void) throws {
        let stops: UInt32 = context.size == .ci ? 400 : 20_000
        try runControl(context, stops: 200, report: report)
        for (index, subject) in Self.subjects.enumerated() {
            let began = ContinuousClock.now
            let result = try freeze(subject, stops: stops, seed: context.seed &+ UInt64(index))
            var found: [String] = []
            if result.blocked > 0 {
                found.append(
                    "in \(result.blocked) of \(result.stops) stops the others used 20 ms and completed nothing")
            }
            if result.undecided > 0 {
                found.append(
                    "in \(result.undecided) of \(result.stops) stops the others neither ran nor completed anything"
                )
            }
            report(
                Row(
                    name, subject.name, cases: UInt64(result.stops),
                    "stops at \(result.places) instructions, \(result.blocked) blocked", found: found, began: began))
        }
    }

    /// An instrument that sees nothing where threads are known to block has not shown anything.
    private func runControl(_ context: Context, stops: UInt32, report: (Row) -> Void) throws {
        let began = ContinuousClock.now
        let control = Subject(
            name: "control: a two-phase ring, which must block", kind: VERIFY_FREEZE_TWO_PHASE_RING, capacity: 64)
        let result = try freeze(control, stops: stops, seed: context.seed)
        let isSeen = result.blocked * 2 >= result.stops
        report(
            Row(
                name, control.name, cases: UInt64(result.stops),
                "stops at \(result.places) instructions, \(result.blocked) blocked",
                found: isSeen ? [] : ["less than half of the stops blocked the others: this instrument cannot see"],
                began: began))
    }

    private func freeze(_ subject: Subject, stops: UInt32, seed: UInt64) throws -> verify_freeze_result {
        var result = verify_freeze_result()
        guard verify_freeze(subject.kind, subject.queue, subject.capacity, stops, seed, &result) else {
            throw Failure(
                description: "\(subject.name): of \(stops) stops only \(result.stops) met a thread inside an operation")
        }
        return result
    }
}
