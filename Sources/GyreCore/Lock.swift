internal import CGyre
package import Synchronization

/// A value behind a lock, as `Mutex`, whose edges ThreadSanitizer sees too (gyre_sanitizer.h). For the control plane
/// and for what belongs to one task; the path of a task through the pool takes none.
///
/// - Concurrency: ``withLock(_:)`` blocks while another thread is inside, so bodies are short and call nothing that
///   waits.
package struct Lock<State>: ~Copyable, Sendable {
    @usableFromInline let mutex: Mutex<State>

    @inlinable
    package init(_ initial: consuming sending State) { mutex = Mutex(initial) }

    @inlinable
    package borrowing func withLock<Value, Failure>(
        _ body: (inout sending State) throws(Failure) -> sending Value
    ) throws(Failure) -> sending Value {
        // A mutex does not move, so its address names the lock.
        let name = withUnsafePointer(to: mutex) { UnsafeRawPointer($0) }
        return try mutex.withLock { state throws(Failure) in
            LockEdges.acquired(name)
            defer { LockEdges.releases(name) }
            return try body(&state)
        }
    }
}

/// A ``Lock`` that several objects have.
package final class SharedLock<State>: Sendable {
    @usableFromInline let lock: Lock<State>

    @inlinable
    package init(_ initial: consuming sending State) { lock = Lock(initial) }

    @inlinable
    package func withLock<Value, Failure>(
        _ body: (inout sending State) throws(Failure) -> sending Value
    ) throws(Failure) -> sending Value {
        try lock.withLock(body)
    }
}

/// Tells ThreadSanitizer about a lock; nothing in builds without it.
package enum LockEdges {
    package static func acquired(_ lock: UnsafeRawPointer) { gyre_sanitizer_acquired(lock) }
    package static func releases(_ lock: UnsafeRawPointer) { gyre_sanitizer_releases(lock) }
}
