import Foundation
import GyrePolicy
import Testing

/// What must hold for every seed: `body` runs once for each of `count` seeds, and each run is one history.
///
/// The first seed whose run throws is recorded as one issue, with the line that runs it alone:
///
///     GYRE_SEED=17 swift test --no-parallel --filter 'RetryBudgetTests/aBudgetIsNeverExceeded'
///
/// `GYRE_SEEDS=1000000` runs another number of seeds. Bodies say what must hold with ``require(_:_:)``, which costs a
/// comparison where `#expect` costs a microsecond.
func forSeeds(
    _ count: UInt64 = 10_000, file: String = #fileID, function: String = #function,
    location: SourceLocation = #_sourceLocation, _ body: (inout SeededRandom) throws -> Void
) {
    let environment = ProcessInfo.processInfo.environment
    let seeds: Range<UInt64>
    if let one = environment["GYRE_SEED"].flatMap(UInt64.init) {
        seeds = one..<one + 1
    } else {
        seeds = 0..<(environment["GYRE_SEEDS"].flatMap(UInt64.init) ?? count)
    }
    for seed in seeds {
        // Neighbouring seeds are neighbouring counters: mixed, their histories have nothing in common.
        var random = SeededRandom(seed: SeededRandom.mixed(seed))
        do {
            try body(&random)
        } catch {
            let suite = file.split(separator: "/").last?.split(separator: ".").first ?? ""
            let name = function.prefix { $0 != "(" }
            let replay = "GYRE_SEED=\(seed) swift test --no-parallel --filter '\(suite)/\(name)'"
            Issue.record("seed \(seed): \(error)\nreplay: \(replay)", sourceLocation: location)
            return
        }
    }
}

/// What did not hold, in the words of the test.
struct Counterexample: Error, CustomStringConvertible {
    let description: String
}

/// Ends the run of a seed as a counterexample when `condition` does not hold.
func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
    guard condition else { throw Counterexample(description: message()) }
}

extension SeededRandom {
    /// One of `choices`, each as likely as the others.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice {
        choices[Int(next().scaled(upTo: UInt64(choices.count - 1)))]
    }

    /// A whole number of `range`.
    mutating func pick(_ range: ClosedRange<UInt64>) -> UInt64 {
        range.lowerBound + next().scaled(upTo: range.upperBound - range.lowerBound)
    }

    /// True once in `many` times.
    mutating func isOne(in many: UInt64) -> Bool { next().scaled(upTo: many - 1) == 0 }
}
