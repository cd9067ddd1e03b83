internal import CGyre

/// Bytes that two threads must not share for writing.
package let cacheLineBytes = Int(GYRE_CACHE_LINE_BYTES)
