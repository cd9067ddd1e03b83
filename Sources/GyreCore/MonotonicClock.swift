internal import CGyre

/// A clock that never goes backwards, counted in nanoseconds from when it was made.
///
/// There is no clock of the process: whoever needs time is given a clock. ``system(_:)`` reads the processor's counter
/// where the kernel itself trusts it, and what the kernel offers elsewhere. ``manual(startingAt:)`` stands still until
/// the ``ManualTime`` that is handed out with it moves it.
///
/// - Concurrency: Safe from any thread. ``now`` is wait-free and, on a counter, makes no system call.
public final class MonotonicClock: Sendable {
    /// Which clock of the machine ``MonotonicClock/system(_:)`` reads.
    public enum SystemSource: Sendable {
        /// The processor's counter (TSC, CNTVCT) where it can be trusted, else `CLOCK_MONOTONIC`.
        case automatic
        /// `CLOCK_MONOTONIC`, always.
        case kernel
    }

    /// The C clock, for code of this package that reads it many times. Valid as long as this object.
    // It is read and moved by atomic operations only.
    package nonisolated(unsafe) let pointer: OpaquePointer

    private init(pointer: OpaquePointer?) {
        guard let pointer else { fatalError("no memory for a clock") }
        self.pointer = pointer
    }

    deinit {
        gyre_clock_destroy(pointer)
    }

    /// A clock on the machine's time that reads 0 now.
    ///
    /// Making one on a counter takes 2 ms, in which it is compared with `CLOCK_MONOTONIC`; ``check()`` makes it more
    /// precise later.
    public static func system(_ source: SystemSource = .automatic) -> MonotonicClock {
        // Neither source can be refused: only memory can be lacking.
        switch source {
        case .automatic: MonotonicClock(pointer: gyre_clock_create(GYRE_CLOCK_AUTO, 0))
        case .kernel: MonotonicClock(pointer: gyre_clock_create(GYRE_CLOCK_MONOTONIC, 0))
        }
    }

    /// A clock that stands at `instant` until it is moved, and what moves it.
    public static func manual(
        startingAt instant: MonotonicInstant = .distantPast
    ) -> (clock: MonotonicClock, time: ManualTime) {
        let clock = MonotonicClock(pointer: gyre_clock_create(GYRE_CLOCK_MANUAL, instant.nanoseconds))
        return (clock, ManualTime(clock: clock))
    }

    /// The present instant.
    ///
    /// The counter is read without waiting for instructions before it to end: two events that are closer than
    /// ``ClockDescription/stepNanoseconds`` may get the same instant.
    public var now: MonotonicInstant {
        MonotonicInstant(nanoseconds: gyre_clock_now(pointer))
    }

    /// What ``check()`` found.
    public enum CheckResult: Sendable, Equatable {
        /// The clock reads no counter, so there is nothing to check.
        case notNeeded
        /// Another thread is checking at the moment; this call did nothing.
        case busy
        /// The counter was compared and keeps its rate.
        case compared
        /// The counter was compared and a better rate is in force from now on.
        case refined
        /// The counter cannot be trusted any more. The clock continues on `CLOCK_MONOTONIC`.
        case fellBack
    }

    /// Compares the counter with `CLOCK_MONOTONIC`, once a second or so: refines its rate, and leaves it when it fails.
    ///
    /// A running pool does this by itself; a clock of your own is as precise as its first 2 ms until somebody does.
    /// Takes a few microseconds and never waits for another thread.
    @discardableResult
    public func check() -> CheckResult {
        switch gyre_clock_check(pointer) {
        case GYRE_CLOCK_CHECK_BUSY: .busy
        case GYRE_CLOCK_CHECK_COMPARED: .compared
        case GYRE_CLOCK_CHECK_REFINED: .refined
        case GYRE_CLOCK_CHECK_FELL_BACK: .fellBack
        default: .notNeeded
        }
    }

    /// What this clock is and how good it is. Measures the cost of a read, which takes about 0.1 ms.
    public var description: ClockDescription {
        ClockDescription(
            source: String(cString: gyre_clock_source_name(pointer)),
            stepNanoseconds: gyre_clock_step_ns(pointer),
            driftPartsPerBillion: gyre_clock_drift_ppb(pointer),
            refinements: Int(gyre_clock_refinements(pointer)),
            readCostNanoseconds: gyre_clock_read_cost_ns(pointer))
    }
}

/// Moves a manual clock. Only whoever made the clock has it, so nobody else moves time.
public struct ManualTime: Sendable {
    let clock: MonotonicClock

    /// Where the clock stands.
    public var now: MonotonicInstant { clock.now }

    /// Moves the clock forward by `duration`, as far as ``MonotonicInstant/distantFuture``.
    ///
    /// What the caller did before is seen by every thread that reads the new time.
    ///
    /// - Precondition: `duration` is not negative.
    /// - Returns: Where the clock stands then.
    @discardableResult
    public func advance(by duration: Duration) -> MonotonicInstant {
        precondition(duration >= .zero, "time does not go backwards")
        return MonotonicInstant(nanoseconds: gyre_clock_advance(clock.pointer, duration.wholeNanoseconds))
    }
}

/// What a ``MonotonicClock`` is and how good it is. Part of every report, because a nanosecond figure means nothing
/// without the step of its clock.
public struct ClockDescription: Sendable, Equatable {
    /// What is read: `tsc`, `cntvct`, `monotonic` or `manual`.
    public let source: String
    /// The resolution: how far two readings in a row are apart unless they are equal.
    public let stepNanoseconds: UInt64
    /// How much faster than `CLOCK_MONOTONIC` the clock ran at the last comparison.
    public let driftPartsPerBillion: Int64
    /// How often a better rate was put in force.
    public let refinements: Int
    /// What reading the clock once takes.
    public let readCostNanoseconds: Double
}
