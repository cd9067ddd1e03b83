/// The state of a policy in one 64-bit word, so that whoever shares it can move it by one compare-and-swap.
///
/// Transitions are pure: they take a state and return the next one. A caller whose exchange fails computes the
/// transition again from the word that it found, with the same instant and the same draw.
public protocol PackedState: Sendable, Hashable, BitwiseCopyable {
    var word: UInt64 { get }
    /// The state that `word` holds. Only words that a transition returned mean something; 0 is where every state
    /// begins.
    init(word: UInt64)
}

/// A part of a packed word: `bits` bits from bit `shift` on. Fewer than 64 bits.
///
/// Always inlined: with a constant field each call is two instructions, while a call that is not inlined makes the
/// end of a call through a breaker twice as long.
package struct WordField: Sendable {
    package let shift: UInt64
    package let bits: UInt64

    @inline(__always)
    package init(shift: UInt64, bits: UInt64) {
        self.shift = shift
        self.bits = bits
    }

    /// The largest number that fits.
    @inline(__always)
    package var maximum: UInt64 { (1 &<< bits) &- 1 }

    @inline(__always)
    package func callAsFunction(_ word: UInt64) -> UInt64 { (word &>> shift) & maximum }

    /// `word` with this part replaced by `value`, of which the low bits count.
    @inline(__always)
    package func setting(_ word: UInt64, _ value: UInt64) -> UInt64 {
        (word & ~(maximum &<< shift)) | ((value & maximum) &<< shift)
    }
}
