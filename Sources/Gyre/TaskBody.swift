/// An async body. It stays on the executor that calls it: each change of executor, even to the same one, costs a
/// lookup of the preferred executor under a lock.
@usableFromInline
typealias AsyncBody = nonisolated(nonsending) @Sendable () async throws -> Void

/// As ``AsyncBody``, for a value that goes where it is told.
@usableFromInline
typealias ValuedBody = nonisolated(nonsending) @Sendable (UnsafeMutableRawPointer) async throws -> Void

/// A body. One that has a value initializes the memory that it is given, unless it throws.
@usableFromInline
enum TaskBody {
    case sync(@Sendable (UnsafeMutableRawPointer) throws -> Void)
    /// Only for threads that may block.
    case blocking(@Sendable (UnsafeMutableRawPointer) throws -> Void)
    case valued(ValuedBody)
    /// Of a graph's node, which keeps its value itself.
    case async(AsyncBody)
}

/// What a task has to know of its value's type.
@usableFromInline
struct ValueLayout: Sendable {
    let size: Int
    let alignment: Int
    let destroy: @Sendable (UnsafeMutableRawPointer) -> Void

    @usableFromInline
    init(size: Int, alignment: Int, destroy: @escaping @Sendable (UnsafeMutableRawPointer) -> Void) {
        self.size = size
        self.alignment = alignment
        self.destroy = destroy
    }

    /// Of a value that is kept elsewhere.
    static let none = ValueLayout(size: 0, alignment: 1) { _ in }

    /// What the value takes behind memory that is aligned to 16 bytes.
    var room: Int { size + max(0, alignment - 16) }

    @inlinable
    static func of<Value>(_ type: Value.Type) -> ValueLayout {
        ValueLayout(size: MemoryLayout<Value>.size, alignment: MemoryLayout<Value>.alignment) {
            _ = $0.assumingMemoryBound(to: Value.self).deinitialize(count: 1)
        }
    }
}
