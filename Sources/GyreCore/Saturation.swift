// Arithmetic that stops at the ends of its range. Counters and instants near 2^64 - 1 must not wrap into the past.

extension UInt64 {
    package func addingSaturating(_ other: UInt64) -> UInt64 {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? .max : sum.partialValue
    }

    package func subtractingSaturating(_ other: UInt64) -> UInt64 {
        self > other ? self - other : 0
    }
}

extension Duration {
    /// Whole nanoseconds, rounded towards zero: 0 for a negative duration, `UInt64.max` for what does not fit.
    package var wholeNanoseconds: UInt64 {
        UInt64(clamping: attoseconds / 1_000_000_000)
    }
}
