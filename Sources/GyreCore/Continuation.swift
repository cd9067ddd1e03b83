internal import CGyre

/// Suspends the calling task until the continuation that `body` is given is woken: `withUnsafeContinuation`, in a way
/// that ThreadSanitizer knows how to judge (gyre_sanitizer.h). All suspensions of Gyre are made here, and all are ended
/// by `wake`.
@inlinable @inline(__always)
package nonisolated(nonsending) func untilWoken<T>(_ body: (UnsafeContinuation<T, Never>) -> Void) async -> sending T {
    let value = await withUnsafeContinuation(body)
    ResumeEdges.awoke()
    return value
}

extension UnsafeContinuation {
    @inlinable
    package func wake(returning value: sending T) where E == Never {
        ResumeEdges.resumes(unsafeBitCast(self, to: UnsafeRawPointer.self))
        resume(returning: value)
        ResumeEdges.resumed()
    }

    @inlinable
    package func wake() where T == Void, E == Never { wake(returning: ()) }
}

/// Tells ThreadSanitizer that a continuation is resumed; nothing in builds without it.
@usableFromInline
package enum ResumeEdges {
    /// `task` is what a continuation consists of: the task that it resumes.
    @usableFromInline static func resumes(_ task: UnsafeRawPointer) { gyre_sanitizer_resumes(task) }
    @usableFromInline static func resumed() { gyre_sanitizer_resumed() }
    @usableFromInline static func awoke() { gyre_sanitizer_awoke() }
}
