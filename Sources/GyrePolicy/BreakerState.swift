public import GyreCore

/// Where a circuit breaker stands.
///
///     closed ──too many failures──▶ open ──its time passed──▶ half-open ──enough good probes──▶ closed
///                                    ▲────────── too many bad or lost probes ─┘
///
/// The other three are set by hand and left by hand.
public enum BreakerMode: UInt8, Sendable, CaseIterable {
    /// Calls pass and are counted.
    case closed = 0
    /// Calls are refused until an instant.
    case open = 1
    /// A few calls pass, to find out; the others are refused.
    case halfOpen = 2
    /// Calls are refused.
    case forcedOpen = 3
    /// Calls pass and are not counted.
    case disabled = 4
    /// Calls pass and are counted, and nothing follows from it.
    case metricsOnly = 5
}

/// A circuit breaker's state in one word.
///
///     | mode 3 | level 4 | generation 13 | out 4 | good 4 | bad 4 | tick 32 |
///
/// `level` is how many times in a row it has opened, less one. `out`, `good` and `bad` are the probes of a half-open
/// breaker: under way, and with their results. `tick` is what the mode waits for: when it may leave `open`, when the
/// last lease of `halfOpen` ends.
///
/// A generation ends with every change of mode, and when leases are given up; what belongs to an older one is ignored.
/// Generations repeat after 8,192: a result would have to be that late to be taken for another.
public struct BreakerState: PackedState {
    public let word: UInt64

    static let modeField = WordField(shift: 61, bits: 3)
    static let levelField = WordField(shift: 57, bits: 4)
    static let generationField = WordField(shift: 44, bits: 13)
    static let outField = WordField(shift: 40, bits: 4)
    static let goodField = WordField(shift: 36, bits: 4)
    static let badField = WordField(shift: 32, bits: 4)
    static let tickField = WordField(shift: 0, bits: 32)

    /// A closed breaker of the first generation.
    public init(word: UInt64 = 0) {
        self.word = word
    }

    /// A closed breaker of the generation `generation` modulo 8,192.
    public init(generation: UInt64) {
        word = Self.generationField.setting(0, generation)
    }

    /// The mode as it was last written. Time may have passed since: ``CircuitBreaker/mode(of:at:)`` says where it
    /// stands.
    public var mode: BreakerMode {
        guard let mode = BreakerMode(rawValue: UInt8(Self.modeField(word))) else {
            preconditionFailure("no breaker wrote \(word)")
        }
        return mode
    }

    public var generation: UInt64 { Self.generationField(word) }
    /// Probes under way, as far as anybody has said.
    public var probesOut: UInt64 { Self.outField(word) }
    public var probesGood: UInt64 { Self.goodField(word) }
    public var probesBad: UInt64 { Self.badField(word) }

    var level: UInt64 { Self.levelField(word) }
    var tick: CoarseTick { CoarseTick(number: UInt32(Self.tickField(word))) }
    var probesGranted: UInt64 { probesOut + probesGood + probesBad }

    /// The first state of the next generation.
    func next(_ mode: BreakerMode, level: UInt64 = 0, tick: CoarseTick = CoarseTick(number: 0)) -> BreakerState {
        var next = Self.modeField.setting(0, UInt64(mode.rawValue))
        next = Self.levelField.setting(next, min(level, Self.levelField.maximum))
        next = Self.generationField.setting(next, generation &+ 1)
        return BreakerState(word: Self.tickField.setting(next, UInt64(tick.number)))
    }

    /// The same generation with other probes.
    func probes(out: UInt64, good: UInt64, bad: UInt64, tick: CoarseTick) -> BreakerState {
        var next = Self.outField.setting(word, out)
        next = Self.goodField.setting(next, good)
        next = Self.badField.setting(next, bad)
        return BreakerState(word: Self.tickField.setting(next, UInt64(tick.number)))
    }
}

/// The right to make one call, and what its result belongs to. A plain value: losing one costs nothing, because a
/// probe's lease ends by itself.
public struct BreakerLease: Sendable, Hashable, BitwiseCopyable {
    package let generation: UInt32
    let end: CoarseTick
    /// Whether the call decides about a half-open breaker.
    public let isProbe: Bool

    init(generation: UInt64, probeUntil end: CoarseTick?) {
        self.generation = UInt32(generation)
        self.end = end ?? CoarseTick(number: 0)
        isProbe = end != nil
    }
}

/// What a breaker says to a call.
public enum BreakerVerdict: Sendable, Hashable {
    /// Make it, and hand the lease back with its result.
    case admitted(BreakerLease)
    /// Do not. At `retryAt` asking again makes sense, whatever happens until then; a half-open breaker may decide
    /// earlier. `nil` when only a hand can open the way.
    case rejected(retryAt: MonotonicInstant?)
}
