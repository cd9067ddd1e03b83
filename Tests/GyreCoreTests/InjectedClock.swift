import CGyre
import Testing

/// A clock on a counter that the test moves. Reference time and counter move together at `ticksPerMicrosecond`, until
/// the test changes that or moves one alone. Used by one thread.
final class InjectedClock {
    var ticks: UInt64
    var reference: UInt64
    var ticksPerMicrosecond: UInt64
    var isTrusted = true
    /// What each reading of the counter takes.
    var ticksPerReading: UInt64 = 0
    /// Called before each reading of the counter, with its number.
    var beforeReading: ((Int) -> Void)?
    private var readings = 0

    private var pointer: OpaquePointer?

    init(
        startingAt start: UInt64 = 0, ticks: UInt64 = 1 << 40, ticksPerMicrosecond: UInt64 = 2_600,
        firstRefine: UInt64 = 10_000_000
    ) throws {
        self.ticks = ticks
        self.reference = 77_000_000
        self.ticksPerMicrosecond = ticksPerMicrosecond
        var hooks = gyre_clock_hooks(
            counter: { me in InjectedClock.from(me).read() },
            reference: { me in InjectedClock.from(me).reference },
            trusted: { me in InjectedClock.from(me).isTrusted },
            pause: { me, nanoseconds in InjectedClock.from(me).pass(microseconds: nanoseconds / 1_000) },
            context: Unmanaged.passUnretained(self).toOpaque(),  // the C clock lives no longer than this object
            lead_ns: 1_000_000, first_refine_ns: firstRefine)
        let created: OpaquePointer = try #require(gyre_clock_create_injected(&hooks, start))
        pointer = created
    }

    deinit {
        gyre_clock_destroy(pointer)
    }

    func pass(microseconds: UInt64) {
        reference += microseconds * 1_000
        ticks &+= microseconds * ticksPerMicrosecond
    }

    private func read() -> UInt64 {
        readings += 1
        beforeReading?(readings)
        ticks &+= ticksPerReading
        reference += ticksPerReading * 1_000 / ticksPerMicrosecond
        return ticks
    }

    /// Lets `body` see the readings from here on numbered from 1.
    func onReadings(_ body: @escaping (Int) -> Void) {
        readings = 0
        beforeReading = body
    }

    var now: UInt64 { gyre_clock_now(pointer) }
    func check() -> gyre_clock_check_result { gyre_clock_check(pointer) }
    var sourceName: String { String(cString: gyre_clock_source_name(pointer)) }
    var drift: Int64 { gyre_clock_drift_ppb(pointer) }
    var refinements: UInt32 { gyre_clock_refinements(pointer) }

    private static func from(_ word: UnsafeMutableRawPointer?) -> InjectedClock {
        guard let word else { preconditionFailure("the clock lost its context") }
        return Unmanaged.fromOpaque(word).takeUnretainedValue()
    }
}
