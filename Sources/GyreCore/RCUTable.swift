internal import CGyre

/// What a ``RCUTable`` holds: subclasses say what their key is.
open class TableObject {
    public init() {}

    /// Whether the key at `key` is this object's; the table's owner says of which type it is.
    open func hasKey(_ key: UnsafeRawPointer) -> Bool { preconditionFailure("an object of a table has a key") }
}

/// A hash table that any thread reads without a lock (gyre_table.h).
///
/// The owner puts and removes, one call at a time, under a lock of its own. An object that was removed is released
/// after the last reader has left, on a thread of liburcu.
///
/// `@unchecked Sendable`: readers are kept apart from the owner by RCU.
package final class RCUTable: @unchecked Sendable {
    /// An object's place in its table.
    ///
    /// `@unchecked Sendable`: used by who reads, until the end of the read, and by the owner, until it was removed.
    package struct Node: @unchecked Sendable, Equatable {
        fileprivate let pointer: OpaquePointer

        /// Remembers a use, for ``sweep()``.
        package func touch() { gyre_cached_touch(gyre_table_cached(pointer)) }
        /// Forgets the uses so far: whether there were any.
        package func sweep() -> Bool { gyre_cached_sweep(gyre_table_cached(pointer)) }
        /// Whether a refresh is due.
        package func isDue(_ now: MonotonicInstant) -> Bool {
            gyre_cached_is_due(gyre_table_cached(pointer), now.nanoseconds)
        }
        /// Claims the refresh that is due, once of all who call; the next one is due at `next`.
        package func claim(_ now: MonotonicInstant, next: MonotonicInstant) -> Bool {
            gyre_cached_claim(gyre_table_cached(pointer), now.nanoseconds, next.nanoseconds)
        }

        /// Its object, as the table's owner knows it.
        package func object<Object: TableObject>(as type: Object.Type) -> Unmanaged<Object> {
            guard let object = gyre_table_object(pointer) else { preconditionFailure("a node has an object") }
            return Unmanaged<Object>.fromOpaque(object)
        }
    }

    private let table: OpaquePointer

    package init() {
        guard let table = gyre_table_create(hasKey, release) else { fatalError("no memory for a table of 2 KB") }
        self.table = table
    }

    deinit { gyre_table_destroy(table) }

    /// Calls `use` with the node of `key`. What is reached through it is there until `use` returns, and no longer.
    ///
    /// - Complexity: O(1). No lock, no allocation, but for the first read of a thread. `use` must not wait.
    @inline(__always)
    package func read<Value>(
        hash: UInt64, key: UnsafeRawPointer, _ use: (Node?) throws -> Value
    ) rethrows -> Value {
        gyre_table_enter()
        defer { gyre_table_leave() }
        return try use(gyre_table_find(table, hash, key).map(Node.init))
    }

    /// Puts `object` in, in place of the one with the same key.
    ///
    /// - Parameters:
    ///   - due: When it is to be refreshed; ``MonotonicInstant/distantFuture`` for never.
    ///   - isVisited: Whether it counts as used already.
    package func put(
        _ object: TableObject, hash: UInt64, key: UnsafeRawPointer, due: MonotonicInstant, isVisited: Bool
    ) -> Node {
        let retained = Unmanaged.passRetained(object).toOpaque()
        guard let node = gyre_table_node_create(table, retained, hash, due.nanoseconds, isVisited) else {
            fatalError("no memory for a node of a table")
        }
        _ = gyre_table_put(table, key, node)
        return Node(pointer: node)
    }

    package func remove(_ node: Node) { gyre_table_remove(table, node.pointer) }

    /// A node of the table; `nil` when it is empty.
    package func any() -> Node? { gyre_table_any(table).map(Node.init) }

    /// Objects in the table.
    package var count: Int { Int(clamping: gyre_table_count(table)) }

    /// Waits until everything that was removed from any table has been released: some milliseconds.
    package static func settled() async {
        await untilWoken { continuation in
            do {
                let thread = try PosixThread(name: "gyre-settle") {
                    gyre_table_settle()
                    continuation.wake()
                }
                thread.detach()
            } catch {
                // The system starts no thread: better to block this one than not to wait.
                gyre_table_settle()
                continuation.wake()
            }
        }
    }
}

private let hasKey: gyre_table_match = { object, key in
    guard let object, let key else { return false }
    return Unmanaged<TableObject>.fromOpaque(object)._withUnsafeGuaranteedRef { $0.hasKey(key) }
}

private let release: gyre_table_drop = { object in
    guard let object else { return }
    Unmanaged<TableObject>.fromOpaque(object).release()
}
