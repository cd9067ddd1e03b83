internal import CGyre

/// How many parents something still waits for: four bytes of somebody else's memory (gyre_countdown.h).
package struct CountDown {
    private let word: UnsafeMutablePointer<gyre_countdown>

    @inline(__always)
    package init(at memory: UnsafeMutableRawPointer) { word = memory.assumingMemoryBound(to: gyre_countdown.self) }

    package func open(_ parents: UInt32) { gyre_countdown_open(word, parents) }
    /// True for the last one, which sees all that the others did before.
    package func arrive() -> Bool { gyre_countdown_arrive(word) }
    package var pending: UInt32 { gyre_countdown_pending(word) }
}
