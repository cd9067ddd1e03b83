internal import CGyre

/// A flag in four bytes of somebody else's memory: raised once for a reason, looked at often. It orders nothing.
package struct SharedFlag {
    private let word: UnsafeMutablePointer<gyre_atomic_u32>

    @inline(__always)
    package init(at memory: UnsafeMutableRawPointer) { word = memory.assumingMemoryBound(to: gyre_atomic_u32.self) }

    /// 0 while the flag is down.
    package var reason: UInt32 { gyre_flag_read(word) }
    /// The first reason stays.
    package func raise(_ reason: UInt32) { gyre_flag_raise(word, reason) }
    package func lower() { gyre_flag_lower(word) }
}
