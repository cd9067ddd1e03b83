import Dispatch
import Gyre
import Synchronization

/// One replay of the whole log: counts down the purchases, keeps or compares their lines.
final class StorefrontPass: Sendable {
    private let decisions: DecisionBuffer
    /// The first pass fills the buffer, the others compare with it.
    private let isFirst: Bool
    private let purchasesLeft: Atomic<Int>
    private let ended = DispatchSemaphore(value: 0)
    private let trouble = Lock<String?>(nil)

    init(decisions: DecisionBuffer, isFirst: Bool, purchases: Int) {
        self.decisions = decisions
        self.isFirst = isFirst
        purchasesLeft = Atomic(purchases)
    }

    /// Takes what became of one purchase. On a worker, once for each.
    func take(_ outcome: Outcome<DecisionLine>, of purchase: UInt32) {
        switch outcome {
        case .succeeded(let line):
            if isFirst {
                decisions.store(line, at: purchase)
            } else if !decisions.holds(line, at: purchase) {
                note("line \(purchase + 1) is not decided as in the first pass")
            }
        default:
            do { _ = try outcome.get() } catch { note("purchase \(purchase + 1): \(error)") }
        }
        leave(1)
    }

    /// Counts off purchases that were never submitted.
    func leave(_ count: Int) {
        // Releases the lines that this thread stored, acquires those of all others: the buffer is complete for whoever
        // waits for the last one.
        if purchasesLeft.subtract(count, ordering: .acquiringAndReleasing).newValue == 0 { ended.signal() }
    }

    /// Waits until every purchase was taken, calling `meanwhile` ten times a second.
    func wait(_ meanwhile: () -> Void) {
        while ended.wait(timeout: .now() + .milliseconds(100)) == .timedOut { meanwhile() }
    }

    /// The first thing that went wrong.
    var firstTrouble: String? { trouble.withLock { $0 } }

    private func note(_ text: String) {
        trouble.withLock { first in if first == nil { first = text } }
    }
}
