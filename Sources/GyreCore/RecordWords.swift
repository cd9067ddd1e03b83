internal import CGyre

/// The two words of a record, for task functions of other modules.
package enum RecordWords {
    @inline(__always)
    package static func of(_ record: OpaquePointer?) -> UnsafeMutablePointer<UInt64>? { gyre_record_words(record) }

    /// From within the task's function: somebody else ran or cancelled the task, and has counted it.
    package static func markCounted(_ record: OpaquePointer?) { gyre_record_mark_counted(record) }
}
