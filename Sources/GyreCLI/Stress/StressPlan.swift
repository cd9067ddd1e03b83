import Gyre
import GyrePolicy

/// A round as its seed chooses it: the same for the same seed and number, on every machine.
///
/// The order in which threads get on is not part of it, so a replay repeats what was tried and not what happened.
struct StressPlan: Sendable {
    /// How the round ends.
    enum Ending: Sendable, Equatable {
        /// When everything is submitted, with time for all of it.
        case whole
        /// While producers still submit, once they are past this many submits each, with little time.
        case midway(after: Int, soft: Duration, hard: Duration)
    }

    let seed: UInt64
    let round: UInt64
    let workers: Int
    let inFlight: Int
    let pinning: Pinning
    let idle: IdlePolicy
    let timing: Timing
    let producers: Int
    /// Of each producer.
    let submits: Int
    let ending: Ending

    init(seed: UInt64, round: UInt64) {
        self.seed = seed
        self.round = round
        var chance = Self.chance(seed, round, stream: 0)
        workers = Int.random(in: 1...4, using: &chance)
        inFlight = Self.pick([64, 256, 4_096], &chance)
        pinning = Self.pick([.none, .soft, .soft, .hard], &chance)
        idle = Self.pick([.balanced, .balanced, .park], &chance)
        timing = Self.pick([.all, .sampled(every: 7), .off], &chance)
        producers = Int.random(in: 1...3, using: &chance)
        submits = Int.random(in: 200...4_000, using: &chance)
        let after = Int.random(in: 0..<submits, using: &chance)
        let soft = Duration.microseconds(Int64.random(in: 0...3_000, using: &chance))
        ending =
            Int.random(in: 0..<3, using: &chance) < 2
            ? .whole : .midway(after: after, soft: soft, hard: soft + .milliseconds(200))
    }

    var configuration: Runtime.Configuration {
        var configuration = Runtime.Configuration(workers: workers, pinning: pinning)
        configuration.inFlight = inFlight
        configuration.idle = idle
        configuration.timing = timing
        return configuration
    }

    /// The chance of one producer.
    func chance(ofProducer producer: Int) -> SeededRandom {
        Self.chance(seed, round, stream: UInt64(producer) + 1)
    }

    private static func chance(_ seed: UInt64, _ round: UInt64, stream: UInt64) -> SeededRandom {
        SeededRandom(seed: SeededRandom.mixed(SeededRandom.mixed(SeededRandom.mixed(seed) ^ round) ^ stream))
    }

    private static func pick<Value>(_ values: [Value], _ chance: inout SeededRandom) -> Value {
        values[Int.random(in: values.indices, using: &chance)]
    }
}
