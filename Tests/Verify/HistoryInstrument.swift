import CVerify

/// Logs what real threads see of a ring, and judges whether a first-in-first-out ring can have shown them that. The
/// conditions, with their source, stand in verify_history.h.
struct HistoryInstrument: Instrument {
    let name = "history"
    let lane = Lane.alone

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private struct Subject {
        let name: String
        let kind: verify_queue_kind
        let capacity: UInt32
        let producers: UInt32
        let consumers: UInt32
        /// Of all operations, in hundredths.
        let share: UInt64

        init(
            _ name: String, _ kind: verify_queue_kind, of capacity: UInt32, _ producers: UInt32, _ consumers: UInt32,
            share: UInt64
        ) {
            self.name = name
            self.kind = kind
            self.capacity = capacity
            self.producers = producers
            self.consumers = consumers
            self.share = share
        }
    }

    /// More threads than this machine may have cores, and rings that are full and empty all the time. Where threads
    /// get into each other's way most, which is slow, they do it less often.
    private static let subjects = [
        Subject("ring", VERIFY_QUEUE_HANDLES, of: 2, 2, 2, share: 4),
        Subject("ring", VERIFY_QUEUE_HANDLES, of: 8, 2, 2, share: 6),
        Subject("ring", VERIFY_QUEUE_HANDLES, of: 64, 2, 2, share: 22),
        Subject("ring", VERIFY_QUEUE_HANDLES, of: 2, 3, 1, share: 2),
        Subject("ring", VERIFY_QUEUE_HANDLES, of: 8, 3, 1, share: 4),
        Subject("ring", VERIFY_QUEUE_HANDLES, of: 64, 3, 1, share: 16),
        Subject("ring of words", VERIFY_QUEUE_WORDS, of: 64, 2, 2, share: 10),
        Subject("ring of records", VERIFY_QUEUE_RECORDS, of: 2, 2, 2, share: 2),
        Subject("ring of records, threads without a number", VERIFY_QUEUE_NUMBERLESS, of: 8, 2, 2, share: 4),
        Subject("lane of batches", VERIFY_QUEUE_LANE, of: 2, 2, 2, share: 6),
        Subject("lane of batches", VERIFY_QUEUE_LANE, of: 16, 2, 2, share: 8),
        Subject("one to one", VERIFY_QUEUE_ONE_TO_ONE, of: 1, 1, 1, share: 2),
        Subject("one to one", VERIFY_QUEUE_ONE_TO_ONE, of: 64, 1, 1, share: 8),
        Subject("many to one", VERIFY_QUEUE_MANY_TO_ONE, of: 2, 3, 1, share: 1),
        Subject("many to one", VERIFY_QUEUE_MANY_TO_ONE, of: 64, 3, 1, share: 5),
    ]

    func run(_ context: Context, report: (Row) -> Void) throws {
        let operations: UInt64 = context.size == .ci ? 100_000_000 : 1_000_000_000
        precondition(Self.subjects.map(\.share).reduce(0, +) == 100)
        reportStamps(report)
        var corrupted: UInt32 = 0
        var rejected: UInt32 = 0
        for subject in Self.subjects {
            let began = ContinuousClock.now
            var plan = verify_history_plan()
            plan.kind = subject.kind
            plan.producers = subject.producers
            plan.consumers = subject.consumers
            plan.capacity = subject.capacity
            plan.operations = operations / 100 * subject.share
            plan.corrupts = true
            var result = verify_history_result()
            guard verify_history(&plan, &result) else { throw Failure(description: "no memory for the logs") }
            corrupted += result.corrupted
            rejected += result.rejected
            report(
                Row(
                    name, "\(subject.name), \(subject.capacity): \(subject.producers) to \(subject.consumers)",
                    cases: result.operations, "operations, \(result.refusals) refusals, \(result.windows) quiet points",
                    found: Self.flaws(result), began: began))
        }
        report(
            Row(
                name, "control: damaged histories, which must be rejected", cases: UInt64(corrupted),
                "histories, \(rejected) rejected",
                found: rejected == corrupted && corrupted > 0
                    ? [] : ["\(corrupted - rejected) of \(corrupted) damaged histories were taken for good"],
                began: .now))
    }

    /// Operations are ordered by the processor's counter, so it must be one counter for all processors.
    private func reportStamps(_ report: (Row) -> Void) {
        let began = ContinuousClock.now
        let rounds: UInt32 = 100_000
        let unordered = verify_stamps_check(rounds)
        // Not a finding: the kernel's clock takes its place, and is slower.
        let clock = unordered == 0 ? "the processor's counter" : "the kernel's clock"
        report(
            Row(
                name, "stamps are in order across processors", cases: UInt64(rounds), "hand-overs, \(clock)",
                began: began))
    }

    private static func flaws(_ result: verify_history_result) -> [String] {
        let names: [(Int, String)] = [
            (VERIFY_ALIEN, "a value that was not pushed"), (VERIFY_DOUBLED, "a value popped twice"),
            (VERIFY_LOST, "a value lost"), (VERIFY_PRODUCER, "the order of one producer broken"),
            (VERIFY_ORDER, "first in, first out broken"), (VERIFY_EMPTY, "empty while something was in"),
            (VERIFY_FULL, "full while there was room"), (VERIFY_OVERFULL, "more in than the capacity"),
            (VERIFY_QUIET, "not exactly empty or full at a quiet point"),
        ]
        return names.filter { result.flaws & UInt32($0.0) != 0 }.map {
            "\($0.1) (\(result.bad_windows) of \(result.windows) windows, the first of them \(result.first_bad))"
        }
    }
}
