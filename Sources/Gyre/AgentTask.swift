import GyreCore

/// The task that the calling thread runs.
public enum AgentTask {
    /// Whether the running synchronous task was asked to stop, by ``TaskHandle/cancel()``, with its graph's run or by
    /// a drain. Long bodies
    /// look at it now and then. False outside tasks; async bodies use Swift's `Task.isCancelled`.
    ///
    /// - Complexity: O(1), a thread-local and a load.
    public static var isCancelled: Bool {
        if CurrentTask.isAskedToStop { return true }
        guard let word = CurrentTask.word else { return false }
        if UInt(bitPattern: word) & runMark != 0 {
            return Unmanaged<GraphRun>.fromOpaque(word - Int(runMark)).takeUnretainedValue().cancelFlag.reason != 0
        }
        return Unmanaged<TaskCore>.fromOpaque(word).takeUnretainedValue().words.isCancelling
    }

    /// Makes `task` the calling thread's; returns the one that it interrupts, which waits for others.
    static func begin(_ task: TaskCore) -> UnsafeRawPointer? {
        let outer = CurrentTask.word
        CurrentTask.word = UnsafeRawPointer(Unmanaged.passUnretained(task).toOpaque())
        return outer
    }

    /// Makes a node of `run` the calling thread's.
    static func isOf(_ run: GraphRun) {
        let word = UnsafeRawPointer(Unmanaged.passUnretained(run).toOpaque()) + Int(runMark)
        if CurrentTask.word != word { CurrentTask.word = word }
    }

    /// Tells a run from a task: objects have even addresses.
    private static let runMark: UInt = 1

    static func end(_ outer: UnsafeRawPointer?) { CurrentTask.word = outer }
}
