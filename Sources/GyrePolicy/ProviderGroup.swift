public import GyreCore

/// Several providers of one capability, of which those that keep failing are left out for a while.
///
/// Envoy's outlier detection by consecutive errors (`outlier_detection.proto`), with its defaults: 5 errors in a row
/// eject a provider for 30 s times how often it was ejected, at most 300 s; every 10 s of health take one such time
/// back; at most 10 % are ejected, but one always may be. Ours on top: **the last provider is never ejected.** A poor
/// answer is better than none, and with one provider left its breaker is who decides.
///
/// Who is ejected stands in one word for all, so that two threads cannot each eject what the other left. A provider
/// that is to be ejected goes through ``ejecting(_:of:in:)`` first, and only if that was written through
/// ``ejected(_:at:)``.
public struct ProviderGroup: DescribedPolicy {
    /// A bit for each provider.
    public static let providersMax = 64

    public let errorsMax: Setting<Int>
    public let ejectionBase: Setting<Duration>
    public let ejectionMax: Setting<Duration>
    public let ejectedShare: Setting<Double>
    public let recovery: Setting<Duration>

    private let ejectionBaseNanoseconds: UInt64
    private let ejectionMaxNanoseconds: UInt64

    /// - Parameters:
    ///   - errorsMax: Errors in a row that eject. 1 to 255; 5 by default.
    ///   - ejectionBase: 2 ms to a day; 30 s by default.
    ///   - ejectionMax: `ejectionBase` to a day; 300 s by default, or `ejectionBase` when that is more.
    ///   - ejectedShare: 0 to 1, of the providers; 0.1 by default.
    ///   - recovery: How much health takes one ejection back. 1 ms to a day; 10 s by default.
    /// - Throws: `ConfigurationError` for a value out of its range.
    public init(
        errorsMax: Int? = nil, ejectionBase: Duration? = nil, ejectionMax: Duration? = nil,
        ejectedShare: Double? = nil, recovery: Duration? = nil
    ) throws(ConfigurationError) {
        let day = Duration.seconds(86_400)
        self.errorsMax = try Setting(errorsMax, default: 5).checked("errorsMax", in: 1...255)
        let base = try Setting(ejectionBase, default: .seconds(30))
            .checked("ejectionBase", in: .milliseconds(2)...day)
        self.ejectionBase = base
        self.ejectionMax = try Setting(ejectionMax, default: max(.seconds(300), base.value))
            .checked("ejectionMax", in: base.value...day)
        self.ejectedShare = try Setting(ejectedShare, default: 0.1).checked("ejectedShare", in: 0...1)
        self.recovery = try Setting(recovery, default: .seconds(10)).checked("recovery", in: .milliseconds(1)...day)
        ejectionBaseNanoseconds = self.ejectionBase.nanoseconds
        ejectionMaxNanoseconds = self.ejectionMax.nanoseconds
    }

    public var settings: [SettingDescription] {
        [
            errorsMax.described(as: "errorsMax"), ejectionBase.described(as: "ejectionBase"),
            ejectionMax.described(as: "ejectionMax"), ejectedShare.described(as: "ejectedShare"),
            recovery.described(as: "recovery"),
        ]
    }

    /// How many of `count` providers may be out at one time.
    public func ejectedMax(of count: Int) -> Int {
        min(count - 1, max(1, Int(ejectedShare.value * Double(count))))
    }

    // MARK: - One provider

    /// A provider's state after a call. A good one ends its row of errors; `nothing` leaves it.
    public func ending(with sample: BreakerSample, in state: ProviderState) -> ProviderState {
        switch sample {
        case .nothing: return state
        case .good, .slow: return state.errorsInRow(0)
        case .failed, .failedSlowly: return state.errorsInRow(min(state.errorsInRow + 1, UInt64(errorsMax.value)))
        }
    }

    /// Whether a provider has earned to be ejected.
    public func isOutlier(_ state: ProviderState) -> Bool { state.errorsInRow >= UInt64(errorsMax.value) }

    /// The state of a provider that has been ejected: until when, and how often. One that is out already stays as
    /// long as it would have: calls that were under way when it went say nothing new.
    public func ejected(_ state: ProviderState, at now: MonotonicInstant) -> ProviderState {
        guard state.until.ticksAhead(of: now, atMost: ejectionMaxNanoseconds) == 0 else { return state.errorsInRow(0) }
        let health = now.nanoseconds(since: state.until.passed(before: now))
        let times = state.ejections.subtractingSaturating(health / recovery.nanoseconds) + 1
        let time = ejectionBaseNanoseconds.multipliedReportingOverflow(by: times)
        let wait = time.overflow ? ejectionMaxNanoseconds : min(time.partialValue, ejectionMaxNanoseconds)
        return ProviderState(
            errorsInRow: 0, ejections: min(times, 255),
            until: CoarseTick(notBefore: now.nanoseconds.addingSaturating(wait)))
    }

    // MARK: - All providers

    /// The group with the provider `index` of `count` out, or `nil` when too many would be, or all.
    public func ejecting(_ index: Int, of count: Int, in group: ProviderGroupState) -> ProviderGroupState? {
        precondition(count <= Self.providersMax && index < count, "provider \(index) of \(count)")
        if group.isEjected(index) { return group }
        guard group.among(count).nonzeroBitCount < ejectedMax(of: count) else { return nil }
        return ProviderGroupState(word: group.word | 1 << UInt64(index))
    }

    /// The group with the provider `index` back, or `nil` when it is not out or its time has not passed.
    public func returning(
        _ index: Int, _ provider: ProviderState, in group: ProviderGroupState, at now: MonotonicInstant
    ) -> ProviderGroupState? {
        guard group.isEjected(index), !isOut(provider, at: now) else { return nil }
        return ProviderGroupState(word: group.word & ~(1 << UInt64(index)))
    }

    /// Providers that may be asked, a bit for each of `count`; never none. One whose time has passed is among them, and
    /// whoever asks it brings it back (``returning(_:_:in:at:)``).
    public func eligible(
        in group: ProviderGroupState, count: Int, at now: MonotonicInstant, provider: (Int) -> ProviderState
    ) -> UInt64 {
        var eligible = ~group.word & ProviderGroupState.all(count)
        var out = group.among(count)
        while out != 0 {
            let index = out.trailingZeroBitCount
            out &= out - 1
            if !isOut(provider(index), at: now) { eligible |= 1 << UInt64(index) }
        }
        return eligible
    }

    /// An outlier whose bit is set is just being ejected.
    private func isOut(_ provider: ProviderState, at now: MonotonicInstant) -> Bool {
        isOutlier(provider) || provider.until.ticksAhead(of: now, atMost: ejectionMaxNanoseconds) > 0
    }
}

/// One provider's errors and ejections in one word: | errors in a row 8 | ejections 8 | - 16 | until 32 |.
public struct ProviderState: PackedState {
    public let word: UInt64

    static let errorsField = WordField(shift: 56, bits: 8)
    static let ejectionsField = WordField(shift: 48, bits: 8)
    static let untilField = WordField(shift: 0, bits: 32)

    public init(word: UInt64 = 0) {
        self.word = word
    }

    init(errorsInRow: UInt64, ejections: UInt64, until: CoarseTick) {
        var word = Self.errorsField.setting(0, errorsInRow)
        word = Self.ejectionsField.setting(word, ejections)
        self.word = Self.untilField.setting(word, UInt64(until.number))
    }

    public var errorsInRow: UInt64 { Self.errorsField(word) }
    /// How often it was ejected, less what its health took back before the last time.
    public var ejections: UInt64 { Self.ejectionsField(word) }
    var until: CoarseTick { CoarseTick(number: UInt32(Self.untilField(word))) }

    func errorsInRow(_ count: UInt64) -> ProviderState { ProviderState(word: Self.errorsField.setting(word, count)) }
}

/// Who of a group is ejected: a bit for each provider.
public struct ProviderGroupState: PackedState {
    public let word: UInt64

    public init(word: UInt64 = 0) {
        self.word = word
    }

    public func isEjected(_ index: Int) -> Bool { word >> UInt64(index) & 1 == 1 }

    func among(_ count: Int) -> UInt64 { word & Self.all(count) }

    static func all(_ count: Int) -> UInt64 { count >= 64 ? .max : (1 << UInt64(count)) - 1 }
}
