internal import CGyre

/// Histograms of the tasks that one worker ended: queue wait, run and total. Recorded by that worker, read by anybody.
final class TaskTimes: Sendable {
    // The C structure holds only atomics; its one writer is the worker.
    nonisolated(unsafe) let native: OpaquePointer

    init() {
        guard let native = gyre_task_times_create() else { fatalError("no memory for a worker's histograms of 57 KB") }
        self.native = native
    }

    deinit { gyre_task_times_destroy(native) }

    /// For the one set that threads beside the workers share.
    func addShared(submitted: UInt64, started: UInt64, ended: UInt64) {
        gyre_histogram_add_shared(gyre_task_times_queue_wait(native), started - min(submitted, started))
        gyre_histogram_add_shared(gyre_task_times_run(native), ended - min(started, ended))
        gyre_histogram_add_shared(gyre_task_times_total(native), ended - min(submitted, ended))
    }

    func read(queueWait: inout LatencyHistogram, run: inout LatencyHistogram, total: inout LatencyHistogram) {
        queueWait.merge(reading: gyre_task_times_queue_wait(native))
        run.merge(reading: gyre_task_times_run(native))
        total.merge(reading: gyre_task_times_total(native))
    }
}
