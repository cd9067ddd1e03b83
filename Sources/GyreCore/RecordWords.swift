internal import CGyre

/// The two words of a record, for task functions of other modules.
package enum RecordWords {
    @inline(__always)
    package static func of(_ record: OpaquePointer?) -> UnsafeMutablePointer<UInt64>? { gyre_record_words(record) }
}
