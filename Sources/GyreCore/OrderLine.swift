internal import CGyre

/// A line of turns: one at a time, in order of arrival (gyre_order.h).
///
/// `@unchecked Sendable`: the word is an atomic of CGyre.
package final class OrderLine: @unchecked Sendable {
    private let line: UnsafeMutablePointer<gyre_order_line>

    package init() {
        line = .allocate(capacity: 1)
        gyre_order_line_init(line)
    }

    deinit { line.deallocate() }

    /// Joins the line with the link at `link`. True when it is its turn at once; else the turn is handed over by a
    /// leave. `release` is called with the link that was last, if there was one, whose reference from the line ends.
    package func enter(_ link: UnsafeMutableRawPointer, release: (UnsafeMutableRawPointer) -> Void) -> Bool {
        let own = link.assumingMemoryBound(to: gyre_order_link.self)
        guard let before = gyre_order_enter(line, own) else { return true }
        let waits = gyre_order_follow(before, own)
        release(UnsafeMutableRawPointer(before))
        return !waits
    }

    /// Ends the turn of `link`. Returns the link whose turn it is now. `isRemoved` says that the line's reference to
    /// `link` ends with this call.
    package func leave(_ link: UnsafeMutableRawPointer, isRemoved: inout Bool) -> UnsafeMutableRawPointer? {
        gyre_order_leave(line, link.assumingMemoryBound(to: gyre_order_link.self), &isRemoved).map(
            UnsafeMutableRawPointer.init)
    }

    /// Prepares the link at `link`, a word.
    package static func prepare(_ link: UnsafeMutableRawPointer) {
        gyre_order_link_init(link.assumingMemoryBound(to: gyre_order_link.self))
    }
}
