internal import CGyre

/// A word of the calling thread: the task that it runs.
package enum CurrentTask {
    package static var word: UnsafeRawPointer? {
        get { UnsafeRawPointer(bitPattern: UInt(gyre_thread_word())) }
        set { gyre_thread_set_word(UInt64(UInt(bitPattern: newValue))) }
    }

    /// Whether the calling thread is a worker whose pool asks what it runs to stop.
    package static var isAskedToStop: Bool { gyre_thread_is_asked_to_stop() }
}
