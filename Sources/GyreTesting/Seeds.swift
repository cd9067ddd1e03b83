internal import Glibc
public import GyrePolicy

/// What must hold for every seed: runs `body` once for each of `count` seeds; each run is one history.
///
/// ```swift
/// @Test func nothingIsLost() throws {
///     try forSeeds { random in
///         let history = try runHistory(&random)
///         if history.lost > 0 { throw Counterexample("\(history.lost) are lost") }
///     }
/// }
/// ```
///
/// `GYRE_SEEDS=1000000` in the environment runs another number of seeds, `GYRE_SEED=17` one of them alone.
///
/// - Parameter random: The chance of the run. Neighbouring seeds have nothing in common.
/// - Throws: ``FailedSeed`` for the first seed whose run throws.
public func forSeeds(
    _ count: UInt64 = 10_000, file: String = #fileID, function: String = #function,
    _ body: (_ random: inout SeededRandom) throws -> Void
) throws(FailedSeed) {
    var seeds = 0..<(environment("GYRE_SEEDS") ?? count)
    if let one = environment("GYRE_SEED") { seeds = one..<one + 1 }
    for seed in seeds {
        var random = SeededRandom(seed: SeededRandom.mixed(seed))
        do {
            try body(&random)
        } catch {
            let suite = file.split(separator: "/").last?.split(separator: ".").first ?? ""
            throw FailedSeed(seed: seed, test: "\(suite)/\(function.prefix { $0 != "(" })", cause: error)
        }
    }
}

private func environment(_ name: String) -> UInt64? { getenv(name).flatMap { UInt64(String(cString: $0)) } }

/// A seed for which something did not hold, with the line that runs it alone.
public struct FailedSeed: Error, CustomStringConvertible {
    public let seed: UInt64
    /// The suite's file and the test's function.
    public let test: String
    public let cause: any Error

    public var description: String {
        "seed \(seed): \(cause)\nreplay: GYRE_SEED=\(seed) swift test --no-parallel --filter '\(test)'"
    }
}

/// What did not hold, in the words of the test.
public struct Counterexample: Error, Hashable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
