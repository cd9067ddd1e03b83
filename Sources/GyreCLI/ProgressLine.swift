import Glibc

/// One line on standard error that is drawn over and over, at most ten times a second. Nothing at all where standard
/// error is no terminal.
struct ProgressLine {
    private let isVisible = Terminal.isStyled(STDERR_FILENO)
    private let clock = ContinuousClock()
    private var next: ContinuousClock.Instant
    private var isDrawn = false

    init() {
        next = clock.now
    }

    /// Draws what `text` says, if it is time to.
    mutating func update(_ text: () -> String) {
        guard isVisible, clock.now >= next else { return }
        next = clock.now.advanced(by: .milliseconds(100))
        isDrawn = true
        emit("\r\(text())\u{1B}[K", to: STDERR_FILENO)
    }

    /// Leaves an empty line behind.
    mutating func clear() {
        guard isDrawn else { return }
        isDrawn = false
        emit("\r\u{1B}[K", to: STDERR_FILENO)
    }
}
