import Glibc
public import GyreCore

/// How long to wait between two attempts, and how much of that is chance.
///
/// The ceiling of retry *n*, counted from 0, is `c = min(cap, base · factorⁿ)`. What becomes of it is the class's
/// choice:
///
///     transient, timed out    U(0, c)                       full jitter: spreads a herd best
///     throttled, overloaded   max(c/2, floor) + U(0, c/2)   equal jitter: never early
///
/// Against a limit per minute full jitter spends its attempts within seconds (aws-sdk-net issue 4341, aws-sdk-java-v2
/// pull 5333), hence the second line. The floor is the server's Retry-After, and the chance comes on top of it, or
/// all who were told the same would return together. Defaults: 50 ms, times 2, at most 10 s.
public struct Backoff: DescribedPolicy {
    /// How chance spreads the attempts after a transient error.
    public enum Jitter: String, Sendable, CaseIterable {
        /// Full jitter; equal jitter where the class asks for it.
        case byClass
        /// `min(cap, U(base, 3 · previous))`: each wait depends on the one before, not on the count.
        case decorrelated
        /// The second version of Polly's decorrelated jitter (`RetryHelper.cs`): `2^t · tanh(√4t)`, t = n + U(0, 1), of
        /// which each wait is the difference to the one before, times base / 1.4. No two waits overlap much, and no
        /// value is far likelier than its neighbours. Its growth is 2 whatever ``factor`` says.
        case smooth
        /// No chance at all, for no class. Tasks that fail together come back together.
        case none
    }

    public let base: Setting<Duration>
    public let factor: Setting<Double>
    public let cap: Setting<Duration>
    public let jitter: Setting<Jitter>

    private let baseNanoseconds: UInt64
    private let capNanoseconds: UInt64

    /// - Parameters:
    ///   - base: The ceiling of the first wait. 0 to `cap`; 50 ms by default.
    ///   - factor: What the ceiling grows by. 1 (constant) to 1,000; 2 by default.
    ///   - cap: The largest ceiling. At most a day; 10 s by default, or `base` when that is more.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(
        base: Duration? = nil, factor: Double? = nil, cap: Duration? = nil, jitter: Jitter? = nil
    ) throws(ConfigurationError) {
        let capMax = Duration.seconds(86_400)
        let chosenBase = try Setting(base, default: .milliseconds(50)).checked("base", in: .zero...capMax)
        self.cap = try Setting(cap, default: max(.seconds(10), chosenBase.value))
            .checked("cap", in: chosenBase.value...capMax)
        self.base = chosenBase
        self.factor = try Setting(factor, default: 2).checked("factor", in: 1...1_000)
        self.jitter = Setting(jitter, default: .byClass)
        baseNanoseconds = self.base.nanoseconds
        capNanoseconds = self.cap.nanoseconds
    }

    public var settings: [SettingDescription] {
        [
            base.described(as: "base"), factor.described(as: "factor"), cap.described(as: "cap"),
            jitter.described(as: "jitter"),
        ]
    }

    /// What must be remembered from one wait to the next: 48 bits whose meaning is the jitter's. 0 before the first.
    package typealias Memory = UInt64

    /// The wait before retry number `index`, counted from 0.
    ///
    /// - Parameter floor: Nanoseconds that it must not be shorter than, even beyond the cap: the server's word.
    /// - Returns: Nanoseconds, and the memory for the next wait.
    /// - Complexity: O(1). No allocation.
    package func wait(
        before index: UInt64, isPaced: Bool, floor: UInt64, memory: Memory, draw: UInt64
    ) -> (nanoseconds: UInt64, memory: Memory) {
        let ceiling = ceiling(index)
        if jitter.value == .none { return (max(ceiling, floor), memory) }
        if isPaced || floor > 0 {
            let half = ceiling / 2
            return (max(ceiling - half, floor).addingSaturating(draw.scaled(upTo: half)), memory)
        }
        switch jitter.value {
        case .decorrelated:
            let previous = max(memory, baseNanoseconds)
            let drawn = baseNanoseconds + draw.scaled(upTo: 3 * previous - baseNanoseconds)
            let wait = min(drawn, capNanoseconds)
            return (wait, wait)
        case .smooth:
            return smooth(index, memory, draw)
        case .byClass, .none:
            return (draw.scaled(upTo: ceiling), memory)
        }
    }

    private func ceiling(_ index: UInt64) -> UInt64 {
        let grown = Double(baseNanoseconds) * pow(factor.value, Double(index))
        return grown < Double(capNanoseconds) ? UInt64(grown) : capNanoseconds
    }

    /// The memory is the formula's previous value as the bits of a `Float`: its relative error of 2^-24 is no jitter.
    private func smooth(_ index: UInt64, _ memory: Memory, _ draw: UInt64) -> (UInt64, Memory) {
        let time = Double(index) + draw.unit
        guard time < 60 else { return (capNanoseconds, memory) }  // far beyond every cap
        let next = exp2(time) * tanh((4 * time).squareRoot())
        let previous = Double(Float(bitPattern: UInt32(truncatingIfNeeded: memory)))
        let wait = max(0, next - previous) / 1.4 * Double(baseNanoseconds)
        let kept = UInt64(Float(next).bitPattern)
        return (wait < Double(capNanoseconds) ? UInt64(wait) : capNanoseconds, kept)
    }
}
