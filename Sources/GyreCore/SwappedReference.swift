internal import CGyre

/// A reference that is replaced while others read it. For settings: read at every step, replaced by hand.
///
/// Inlinable, because generic code of another module that is not specialised is ten times slower.
package final class SwappedReference<Object: AnyObject & Sendable>: Sendable {
    @usableFromInline let cell: SwapCell

    package init(_ object: Object) {
        cell = SwapCell(Unmanaged.passRetained(object).toOpaque())
    }

    deinit { Unmanaged<Object>.fromOpaque(cell.end()).release() }

    /// Calls `use` with the present object, which lives until it returns; what is to live longer is copied out.
    ///
    /// - Complexity: Wait-free and without allocation, but for the first call of a thread.
    @inlinable
    package func read<Value, Failure>(_ use: (Object) throws(Failure) -> Value) throws(Failure) -> Value {
        let object = cell.beginRead()
        defer { cell.endRead() }
        return try use(Unmanaged<Object>.fromOpaque(object).takeUnretainedValue())
    }

    /// From now on `object` is read. Returns when nobody reads the one before any more.
    ///
    /// - Concurrency: Any thread, but never from within ``read(_:)``. Blocks for as long as the longest read.
    package func replace(by object: Object) {
        Unmanaged<Object>.fromOpaque(cell.replace(by: Unmanaged.passRetained(object).toOpaque())).release()
    }
}

/// A pointer to an object (gyre_swap.h).
///
/// `@unchecked Sendable`: the word is an atomic of CGyre.
@usableFromInline
package final class SwapCell: @unchecked Sendable {
    private let word: UnsafeMutablePointer<gyre_atomic_u64>

    fileprivate init(_ object: UnsafeMutableRawPointer) {
        word = .allocate(capacity: 1)
        gyre_word_init(word, Self.number(object))
    }

    deinit { word.deallocate() }

    @usableFromInline
    package func beginRead() -> UnsafeRawPointer {
        gyre_swap_begin()
        return Self.pointer(gyre_swap_read(word))
    }

    @usableFromInline
    package func endRead() { gyre_swap_end(word) }

    fileprivate func replace(by object: UnsafeMutableRawPointer) -> UnsafeRawPointer {
        Self.pointer(gyre_swap_replace(word, Self.number(object)))
    }

    /// The pointer, when nobody else has this object any more.
    fileprivate func end() -> UnsafeRawPointer { Self.pointer(gyre_swap_read(word)) }

    private static func number(_ pointer: UnsafeMutableRawPointer) -> UInt64 { UInt64(UInt(bitPattern: pointer)) }

    private static func pointer(_ number: UInt64) -> UnsafeRawPointer {
        guard let pointer = UnsafeRawPointer(bitPattern: UInt(number)) else { preconditionFailure("no object") }
        return pointer
    }
}
