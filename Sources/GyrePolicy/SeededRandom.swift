/// Chance that follows from a seed: the same seed gives the same draws on every machine.
///
/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, with the constants
/// of Vigna's public splitmix64.c). Its state is a counter, so draw `n` can be had without the draws before it
/// (``draw(seed:index:)``): whoever shares a generator between threads needs one atomic sum and no lock.
/// Good for jitter, probes and tests; predictable, so not for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable, Hashable, BitwiseCopyable {
    /// Where the sequence stands. A generator made of it goes on from here.
    public private(set) var state: UInt64

    /// What the state grows by with each draw: 2^64 divided by the golden ratio, made odd.
    public static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

    /// The generator at the beginning of the sequence of `seed`.
    public init(seed: UInt64) {
        state = seed
    }

    /// The next 64 random bits.
    public mutating func next() -> UInt64 {
        state &+= Self.increment
        return Self.mixed(state)
    }

    /// What the call of ``next()`` number `index`, counted from 0, returns to a generator of `seed`.
    public static func draw(seed: UInt64, index: UInt64) -> UInt64 {
        mixed(seed &+ (index &+ 1) &* increment)
    }

    /// A bijection of 64 bits in which each bit of the argument changes about half of the result.
    public static func mixed(_ word: UInt64) -> UInt64 {
        var mixed = word
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// How policies use a draw. They take it as a value, 64 random bits, so that a decision that has to be computed again
/// after a lost exchange comes out the same.
extension UInt64 {
    /// The draw as a whole number from 0 to `bound`, both included. No result is likelier than another by more than
    /// `bound` / 2^64.
    ///
    /// Lemire, "Fast random integer generation in an interval", ACM TOMACS 2019, without its rejection step.
    package func scaled(upTo bound: UInt64) -> UInt64 {
        bound == .max ? self : multipliedFullWidth(by: bound + 1).high
    }

    /// The draw as a number from 0 up to, but without, 1.
    package var unit: Double { Double(self >> 11) * 0x1p-53 }
}
