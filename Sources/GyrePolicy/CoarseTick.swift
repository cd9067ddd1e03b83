import GyreCore

/// An instant in units of 2^20 ns, about a millisecond, modulo 2^32: what fits into half a word.
///
/// Ticks repeat after 52 days. So a tick is in the future only if it is no further ahead than its policy ever looks,
/// and anything else has passed: a word that nobody looked at for months is never taken for a long wait.
struct CoarseTick: Hashable, BitwiseCopyable {
    let number: UInt32

    static let shift: UInt64 = 20

    init(number: UInt32) {
        self.number = number
    }

    /// The first tick that is not before `nanoseconds`: what waits for it never goes too early.
    init(notBefore nanoseconds: UInt64) {
        number = UInt32(truncatingIfNeeded: nanoseconds.addingSaturating((1 << Self.shift) - 1) >> Self.shift)
    }

    /// How many ticks it is ahead of `instant`; 0 when it has passed, which is also what more than `ahead` nanoseconds
    /// means.
    func ticksAhead(of instant: MonotonicInstant, atMost ahead: UInt64) -> UInt64 {
        let now = UInt32(truncatingIfNeeded: instant.nanoseconds >> Self.shift)
        let distance = UInt64(number &- now)
        // Both ends are rounded, so what is `ahead` away may be two ticks further.
        return distance > (ahead >> Self.shift) + 2 ? 0 : distance
    }

    /// The instant at which it passed, seen from `instant`, when it has.
    func passed(before instant: MonotonicInstant) -> MonotonicInstant {
        let now = instant.nanoseconds >> Self.shift
        let ago = UInt64(UInt32(truncatingIfNeeded: now) &- number)
        return MonotonicInstant(nanoseconds: now.subtractingSaturating(ago) << Self.shift)
    }

    func later(than other: CoarseTick) -> Bool { Int32(bitPattern: number &- other.number) > 0 }
}
