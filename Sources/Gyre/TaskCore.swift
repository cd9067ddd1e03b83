import GyreCore

/// What every task with a handle has, whatever its value.
///
///     | words: state and waiters 16 | payload of the subclass |
///
/// The words lie in the object's tail, where they have a fixed address for CGyre.
///
/// Safe to share, although ManagedBuffer cannot be declared so: the words are atomics. The payload is written before the task
/// is queued, then by whoever claimed the right to settle, and read by whoever saw it settled.
class TaskCore: ManagedBuffer<TaskHome, SIMD2<UInt64>> {
    /// Called once for the record of this task.
    func execute(_ verdict: Verdict) { preconditionFailure("a task is always of a subclass") }

    /// Runs an async body. On the Swift task of `runner`.
    func perform(on runner: AsyncRunner) async { preconditionFailure("only async tasks are run by runners") }

    @inline(__always)
    var memory: UnsafeMutableRawPointer { withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) } }

    @inline(__always)
    var words: TaskWords { TaskWords(at: memory) }

    var pool: WorkerPool { header.pool }

    /// Queues the task, which is retained until ``execute(_:)`` was called. A call that throws has not called it.
    func submit(_ options: SubmitOptions) throws(SubmitError) {
        let retained = Unmanaged.passRetained(self)
        do {
            try pool.submitWords(executeTask, UInt64(UInt(bitPattern: retained.toOpaque())), 0, options)
        } catch {
            retained.release()
            throw error
        }
    }
}

/// Where a task with a handle belongs, and by which stripe of the intake it came.
struct TaskHome {
    let pool: WorkerPool
    let runners: RunnerSet
    let intake: Intake
    let stripe: UInt32

    /// Whether a drain has passed its soft limit: running work is asked to stop.
    var isStopping: Bool { pool.isStopping }

    /// The task has ended: a drain waits for it no longer.
    func leave() { intake.leave(stripe) }
}

/// The word is a retained task.
private let executeTask: TaskFunction = { record, verdict in
    guard let words = RecordWords.of(record), let pointer = UnsafeRawPointer(bitPattern: UInt(words[0])) else { return }
    Unmanaged<TaskCore>.fromOpaque(pointer).takeRetainedValue().execute(Verdict(rawValue: verdict) ?? .closed)
}
