import Gyre

/// One way to get work done, measured in nanoseconds of wall time per task.
struct Subject: Sendable {
    /// The title of its row. Kept forever, so that figures of different days can be put side by side.
    let title: String
    /// Tasks of one run.
    let tasks: Int
    /// Runs so many tasks; returns how long it took until all had ended.
    let run: @Sendable (Int) async throws -> Duration
}

/// A run did not do what it was asked to: its figure would mean nothing.
struct Miscount: Error, CustomStringConvertible {
    let description: String
}

extension Runtime {
    /// A runtime for a measurement: defaults but for what is named.
    static func measured(workers: Int?, timing: Timing) throws(ConfigurationError) -> Runtime {
        var configuration = Configuration(workers: workers)
        configuration.timing = timing
        return try Runtime(configuration)
    }

    /// Waits until `count` tasks have ended since the start, by looking: no task pays for being waited for.
    func waitUntilDone(_ count: UInt64) throws(Miscount) {
        while true {
            let snapshot = self.snapshot()
            if snapshot.tasksDone == count { return }
            guard snapshot.tasksDone < count, snapshot.tasksFailed == 0 else {
                throw Miscount(
                    description: "\(snapshot.tasksDone) of \(count) tasks done, \(snapshot.tasksFailed) failed")
            }
        }
    }

    /// Runs `submit` so many times on the calling thread, and waits for what it queued. `tasksEach` is what a submit
    /// counts for.
    func flood(_ count: Int, tasksEach: Int = 1, _ submit: () throws -> Void) throws {
        let before = snapshot().tasksDone
        for _ in 0..<count { try submit() }
        try waitUntilDone(before + UInt64(count * tasksEach))
    }
}
