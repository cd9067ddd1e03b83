internal import CGyre

/// Continuations that ThreadSanitizer knows how to judge (gyre_sanitizer.h): all of Gyre's are resumed through these.
extension UnsafeContinuation {
    @inlinable
    package func wake(returning value: sending T) where E == Never {
        ResumeEdges.resumes()
        resume(returning: value)
        ResumeEdges.resumed()
    }

    @inlinable
    package func wake(returning value: sending T) where E == any Error {
        ResumeEdges.resumes()
        resume(returning: value)
        ResumeEdges.resumed()
    }

    @inlinable
    package func wake(throwing error: E) {
        ResumeEdges.resumes()
        resume(throwing: error)
        ResumeEdges.resumed()
    }

    @inlinable
    package func wake() where T == Void, E == Never { wake(returning: ()) }

    @inlinable
    package func wake() where T == Void, E == any Error { wake(returning: ()) }
}

/// Tells ThreadSanitizer that a continuation is resumed; nothing in builds without it.
@usableFromInline
package enum ResumeEdges {
    @usableFromInline static func resumes() { gyre_sanitizer_resumes() }
    @usableFromInline static func resumed() { gyre_sanitizer_resumed() }
}
