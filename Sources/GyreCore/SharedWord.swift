internal import CGyre

/// A state of 64 bits that any number of threads move, each by a pure transition and one exchange (gyre_word.h).
///
/// `@unchecked Sendable`: the word is an atomic of CGyre. It lives as long as the ``WordLines`` that it is of.
package struct SharedWord: @unchecked Sendable {
    private let word: UnsafeMutablePointer<gyre_atomic_u64>

    fileprivate init(at memory: UnsafeMutableRawPointer) {
        word = memory.assumingMemoryBound(to: gyre_atomic_u64.self)
    }

    /// The present state. Orders nothing.
    package var state: UInt64 { gyre_word_read(word) }

    /// Makes `next` the state if it is still `found`. Otherwise false, and `found` is the present state.
    package func move(_ found: inout UInt64, to next: UInt64) -> Bool { gyre_word_move(word, &found, next) }

    /// Moves the state by `transition`, which may be asked several times and must depend on its argument only. What
    /// happened before a move is seen by whoever makes the next.
    ///
    /// - Returns: The verdict that belongs to the move. A transition that changes nothing writes nothing, and its
    ///   verdict is about the state that was read.
    /// - Complexity: O(1) and lock-free. No allocation.
    @inlinable
    package func update<Verdict>(_ transition: (UInt64) -> (state: UInt64, verdict: Verdict)) -> Verdict {
        var found = state
        while true {
            let (next, verdict) = transition(found)
            if next == found || move(&found, to: next) { return verdict }
        }
    }
}

/// Words on cache lines that nothing else is on. All begin at 0.
///
/// `@unchecked Sendable`: the words are atomics of CGyre, and nothing else is written after `init`.
package final class WordLines: @unchecked Sendable {
    private let memory: UnsafeMutableRawPointer

    /// - Parameter count: Lines, each of ``wordsPerLine`` words.
    package init(count: Int) {
        memory = .allocate(byteCount: count * cacheLineBytes, alignment: cacheLineBytes)
        for index in 0..<count * Self.wordsPerLine { gyre_word_init(address(of: index), 0) }
    }

    deinit { memory.deallocate() }

    package static var wordsPerLine: Int { cacheLineBytes / MemoryLayout<UInt64>.size }

    /// Word `index` of line `line`; from ``wordsPerLine`` on it is on the lines that follow.
    package func word(_ index: Int = 0, onLine line: Int) -> SharedWord {
        SharedWord(at: UnsafeMutableRawPointer(address(of: line * Self.wordsPerLine + index)))
    }

    private func address(of index: Int) -> UnsafeMutablePointer<gyre_atomic_u64> {
        (memory + index * MemoryLayout<UInt64>.size).assumingMemoryBound(to: gyre_atomic_u64.self)
    }
}
