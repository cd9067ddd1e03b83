public import GyreCore

/// What a finished call says about a service.
public enum BreakerSample: Sendable, Hashable, CaseIterable {
    case good
    /// It succeeded, and took too long.
    case slow
    case failed
    /// It failed, and took too long.
    case failedSlowly
    /// Nothing: it was cancelled, throttled, or never reached the service.
    case nothing

    public init(hasFailed: Bool, isSlow: Bool) {
        switch (hasFailed, isSlow) {
        case (false, false): self = .good
        case (false, true): self = .slow
        case (true, false): self = .failed
        case (true, true): self = .failedSlowly
        }
    }

    var hasFailed: Bool { self == .failed || self == .failedSlowly }
    var isSlow: Bool { self == .slow || self == .failedSlowly }
}

/// Finished calls of the last ten slots of time, by result.
///
/// Each slot is one word, so that a result is counted by one exchange; whoever shares them keeps ten words and uses
/// ``slot(at:in:)``, ``counting(_:into:tag:)`` and ``sums(at:generation:in:)``.
///
///     | slot number 19 | generation 6 | calls 13 | failed 13 | slow 13 |
///
/// The first two are the slot's tag: it is set anew when its turn comes again or its breaker has another generation, so
/// that nothing has to be cleared. At 8,191 of a kind all three counts are halved: shares are what a breaker looks at,
/// and those stay. Numbers repeat after 6 days, with slots of a second: a result that finds such an old slot under its
/// own number, within a generation, is counted with it.
public struct BreakerWindow: Sendable {
    public static let slotCount: UInt64 = 10

    static let numberField = WordField(shift: 45, bits: 19)
    static let generationField = WordField(shift: 39, bits: 6)
    static let tagField = WordField(shift: 39, bits: 25)
    static let callsField = WordField(shift: 26, bits: 13)
    static let failedField = WordField(shift: 13, bits: 13)
    static let slowField = WordField(shift: 0, bits: 13)

    private var slots = InlineArray<10, UInt64>(repeating: 0)

    init() {}

    /// Which word a result belongs to, and under which tag.
    public static func slot(
        at instant: MonotonicInstant, nanosecondsPerSlot: UInt64, generation: UInt64
    ) -> (index: Int, tag: UInt64) {
        let number = instant.nanoseconds / nanosecondsPerSlot
        return (Int(number % slotCount), tag(number, generation))
    }

    private static func tag(_ number: UInt64, _ generation: UInt64) -> UInt64 {
        let word = generationField.setting(numberField.setting(0, number), generation)
        return tagField(word)
    }

    /// A slot's word with one more result. The same word when the result is of no account or has come too late.
    public static func counting(_ sample: BreakerSample, into word: UInt64, tag: UInt64) -> UInt64 {
        guard sample != .nothing, !isNewer(word, than: tag) else { return word }
        let fresh = tagField.setting(0, tag)
        let old = tagField(word) == tag ? word : fresh
        var calls = callsField(old), failed = failedField(old), slow = slowField(old)
        if calls == callsField.maximum { (calls, failed, slow) = (calls / 2, failed / 2, slow / 2) }
        calls += 1
        if sample.hasFailed { failed += 1 }
        if sample.isSlow { slow += 1 }
        return slowField.setting(failedField.setting(callsField.setting(fresh, calls), failed), slow)
    }

    /// Whether a slot has been taken over by a later turn or generation than `tag`. Only what is newer by a little is
    /// newer: everything else is a remnant from before the numbers repeated.
    private static func isNewer(_ word: UInt64, than tag: UInt64) -> Bool {
        guard callsField(word) > 0 else { return false }
        let wanted = tagField.setting(0, tag)
        let turns = (numberField(word) &- numberField(wanted)) & numberField.maximum
        if turns > 0 { return turns <= 2 * slotCount }
        let generations = (generationField(word) &- generationField(wanted)) & generationField.maximum
        return generations > 0 && generations < 1 << (generationField.bits - 1)
    }

    /// What the ten words of a window add up to at an instant: the present slot and the nine before it.
    public static func sums(
        at instant: MonotonicInstant, nanosecondsPerSlot: UInt64, generation: UInt64, word: (Int) -> UInt64
    ) -> BreakerSums {
        let number = instant.nanoseconds / nanosecondsPerSlot
        var sums = BreakerSums()
        for age in 0..<min(slotCount, number + 1) {
            let slot = word(Int((number - age) % slotCount))
            guard tagField(slot) == tag(number - age, generation) else { continue }
            sums.calls += callsField(slot)
            sums.failed += failedField(slot)
            sums.slow += slowField(slot)
        }
        return sums
    }

    // MARK: - As a value

    /// Counts a result.
    mutating func count(
        _ sample: BreakerSample, at instant: MonotonicInstant, nanosecondsPerSlot: UInt64, generation: UInt64
    ) {
        let (index, tag) = Self.slot(at: instant, nanosecondsPerSlot: nanosecondsPerSlot, generation: generation)
        slots[index] = Self.counting(sample, into: slots[index], tag: tag)
    }

    func sums(at instant: MonotonicInstant, nanosecondsPerSlot: UInt64, generation: UInt64) -> BreakerSums {
        Self.sums(at: instant, nanosecondsPerSlot: nanosecondsPerSlot, generation: generation) { slots[$0] }
    }
}

/// Calls of a window. Sums of several windows over the same service may be added.
public struct BreakerSums: Sendable, Hashable {
    public var calls: UInt64 = 0
    public var failed: UInt64 = 0
    public var slow: UInt64 = 0

    public init(calls: UInt64 = 0, failed: UInt64 = 0, slow: UInt64 = 0) {
        self.calls = calls
        self.failed = failed
        self.slow = slow
    }
}
