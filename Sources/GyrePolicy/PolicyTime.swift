/// What policies agree on about time.
enum PolicyTime {
    /// The longest time that a policy can be asked for: a century, so far below 2^64 ns (584 years) that sums of a few
    /// do not overflow.
    static let longest = Duration.seconds(100 * 365 * 86_400)
}
