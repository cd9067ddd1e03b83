/// A point in time on one ``MonotonicClock``, in nanoseconds since that clock began.
///
/// Instants of different clocks have nothing to do with each other; comparing them is a mistake that the type cannot
/// see. Arithmetic saturates: a timeout beyond the end of time (584 years) is the end of time, never the past.
public struct MonotonicInstant: InstantProtocol, Sendable, Hashable, BitwiseCopyable {
    /// Nanoseconds since the clock began.
    public let nanoseconds: UInt64

    /// The instant `nanoseconds` after the clock began.
    public init(nanoseconds: UInt64) {
        self.nanoseconds = nanoseconds
    }

    /// The first instant that an instant can name.
    public static let distantPast = MonotonicInstant(nanoseconds: 0)

    /// The last instant that an instant can name. A deadline there never passes.
    public static let distantFuture = MonotonicInstant(nanoseconds: .max)

    /// The instant `duration` later, or earlier when it is negative. Parts of a nanosecond are dropped towards zero.
    public func advanced(by duration: Duration) -> MonotonicInstant {
        // Neither step can overflow: a whole Duration has fewer than 2^98 nanoseconds.
        let shifted = Int128(nanoseconds) + duration.attoseconds / 1_000_000_000
        return MonotonicInstant(nanoseconds: UInt64(clamping: shifted))
    }

    /// How long it is from here to `other`; negative when `other` lies before. Exact.
    public func duration(to other: MonotonicInstant) -> Duration {
        Duration(attoseconds: (Int128(other.nanoseconds) - Int128(nanoseconds)) * 1_000_000_000)
    }

    /// Nanoseconds from `earlier` to here, 0 when `earlier` lies after.
    public func nanoseconds(since earlier: MonotonicInstant) -> UInt64 {
        nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
    }

    /// ``advanced(by:)``.
    public static func + (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        instant.advanced(by: duration)
    }

    /// ``advanced(by:)`` in the other direction.
    public static func - (instant: MonotonicInstant, duration: Duration) -> MonotonicInstant {
        let shifted = Int128(instant.nanoseconds) - duration.attoseconds / 1_000_000_000
        return MonotonicInstant(nanoseconds: UInt64(clamping: shifted))
    }

    /// How long it is from `earlier` to `later`; negative when `earlier` lies after. Exact.
    public static func - (later: MonotonicInstant, earlier: MonotonicInstant) -> Duration {
        earlier.duration(to: later)
    }

    public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }
}
