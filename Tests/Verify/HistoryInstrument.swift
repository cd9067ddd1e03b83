import CVerify

/// Logs what real threads see of a ring, and judges whether a first-in-first-out ring can have shown them that. The
/// conditions, with their source, stand in verify_history.h.
struct HistoryInstrument: Instrument {
    let name = "history"

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// More threads than this machine may have cores, and rings that are full and empty all the time.
    private static let shapes: [(producers: UInt32, consumers: UInt32)] = [(2, 2), (3, 1)]
    private static let capacities: [UInt32] = [2, 8, 64]

    func run(_ context: Context, report: (Row) -> Void) throws {
        let operations: UInt64 = context.size == .ci ? 100_000_000 : 1_000_000_000
        reportStamps(report)
        let share = operations / UInt64(Self.shapes.count * Self.capacities.count) + 1
        var corrupted: UInt32 = 0
        var rejected: UInt32 = 0
        for shape in Self.shapes {
            for capacity in Self.capacities {
                let began = ContinuousClock.now
                var plan = verify_history_plan()
                plan.producers = shape.producers
                plan.consumers = shape.consumers
                plan.capacity = capacity
                plan.operations = share
                plan.corrupts = true
                var result = verify_history_result()
                guard verify_history(&plan, &result) else { throw Failure(description: "no memory for the logs") }
                corrupted += result.corrupted
                rejected += result.rejected
                report(
                    Row(
                        name, "ring of \(capacity), \(shape.producers) producers, \(shape.consumers) consumers",
                        cases: result.operations,
                        "operations, \(result.refusals) refusals, \(result.windows) quiet points",
                        found: Self.flaws(result), began: began))
            }
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
