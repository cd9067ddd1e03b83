internal import Glibc

/// What the calendar shows, as nanoseconds since 1970-01-01 00:00 UTC: for what is due at a date, and for nothing else.
/// It may be set, forwards and back.
public struct WallClock: Sendable {
    private let read: @Sendable () -> Int64

    /// The system's, `CLOCK_REALTIME`.
    public static let system = WallClock {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
    }

    /// One that goes with `clock` and shows `seconds` since 1970 now: for tests under manual time.
    public static func following(_ clock: MonotonicClock, showing seconds: Int64) -> WallClock {
        let start = clock.now
        return WallClock { seconds * 1_000_000_000 + Int64(clamping: clock.now.nanoseconds(since: start)) }
    }

    /// - Parameter read: Nanoseconds since 1970-01-01 00:00 UTC.
    public init(_ read: @escaping @Sendable () -> Int64) { self.read = read }

    public var nanoseconds: Int64 { read() }
}
