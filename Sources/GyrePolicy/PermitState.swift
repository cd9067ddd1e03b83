/// How many permits are out and how many tasks wait for one, in one word.
///
///     | waiting 32 | inUse 32 |
///
/// A bulkhead and an adaptive limit count with the same word; they differ in where the limit comes from. Every function
/// is pure, so a caller retries it in a compare-and-swap loop until nobody was faster.
///
/// Waiters themselves stand in a fair queue behind a short lock. Both move together like this:
/// - a task that got ``Verdict/wait`` joins the queue under the same lock under which it exchanged the word;
/// - who gives back a permit and is told to hand it over takes the lock and takes one waiter. Finding none (the last
///   one gave up in between) it gives the permit back again;
/// - a waiter that gives up takes the lock, leaves the queue and then the count (``leaving()``).
///
/// P1  A permit is never counted twice: it is free, in use, or handed over while it stays in use.
/// P2  Nobody overtakes: while somebody waits, a newcomer waits too.
public struct PermitState: PackedState {
    public let word: UInt64

    public init(word: UInt64 = 0) {
        self.word = word
    }

    public init(inUse: UInt32, waiting: UInt32 = 0) {
        word = UInt64(waiting) << 32 | UInt64(inUse)
    }

    /// Permits that are out.
    public var inUse: UInt32 { UInt32(truncatingIfNeeded: word) }
    /// Tasks that were told to wait and have neither got a permit nor given up.
    public var waiting: UInt32 { UInt32(truncatingIfNeeded: word >> 32) }

    public enum Verdict: Sendable, Hashable {
        /// A permit is taken; it must come back through ``releasing(limit:)``.
        case admitted
        /// No permit is free; the task is counted as waiting.
        case wait
        /// No permit is free, and as many wait as may. The state is unchanged.
        case full
    }

    /// A task asks for a permit.
    public func admitting(limit: UInt32, waitersMax: UInt32) -> (state: PermitState, verdict: Verdict) {
        if waiting == 0, inUse < limit {
            return (PermitState(inUse: inUse + 1), .admitted)
        }
        guard waiting < waitersMax else { return (self, .full) }
        return (PermitState(inUse: inUse, waiting: waiting + 1), .wait)
    }

    /// A permit comes back. When it is handed over it stays in use, and the caller owes it to one waiter.
    ///
    /// Under a limit that fell below what is in use, permits are withdrawn instead of handed over.
    ///
    /// - Precondition: A permit is out.
    public func releasing(limit: UInt32) -> (state: PermitState, handsOver: Bool) {
        precondition(inUse > 0, "a permit came back that nobody had")
        if waiting > 0, inUse <= limit {
            return (PermitState(inUse: inUse, waiting: waiting - 1), true)
        }
        return (PermitState(inUse: inUse - 1, waiting: waiting), false)
    }

    /// The limit may have risen: takes one free permit for one waiter. Call it until it hands over nothing.
    public func promoting(limit: UInt32) -> (state: PermitState, handsOver: Bool) {
        guard waiting > 0, inUse < limit else { return (self, false) }
        return (PermitState(inUse: inUse + 1, waiting: waiting - 1), true)
    }

    /// A waiter gave up. When none is counted any more, a permit is on its way to it; whoever carries that permit finds
    /// no waiter and gives it back.
    public func leaving() -> PermitState {
        waiting > 0 ? PermitState(inUse: inUse, waiting: waiting - 1) : self
    }
}
