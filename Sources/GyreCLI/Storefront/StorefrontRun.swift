import Gyre

/// The main job: replays a log on a runtime, pass after pass, until there were enough.
struct StorefrontRun {
    /// When to stop: after so many passes, or after the first pass that ends past a time.
    enum Length: Sendable, Equatable {
        case passes(Int)
        case atLeast(Duration)
    }

    /// What came of it.
    struct Summary: Sendable {
        /// Passes that were submitted as a whole.
        var passes = 0
        /// Purchases that were submitted.
        var purchases = 0
        var elapsed = Duration.zero
        /// The first thing that went wrong.
        var trouble: String?
        /// The signal that ended the run early.
        var signal: Int32?
    }

    let runtime: Runtime
    let log: PurchaseLog
    let length: Length
    /// The lines of the first pass.
    let decisions: DecisionBuffer

    init(runtime: Runtime, log: PurchaseLog, length: Length) {
        self.runtime = runtime
        self.log = log
        self.length = length
        decisions = DecisionBuffer(count: log.purchases.count)
    }

    /// Replays the log. Returns when everything that was submitted has ended.
    ///
    /// - Parameters:
    ///   - interruption: Asked now and then; a signal ends the run early.
    ///   - progress: Told how far the run is, about as often as `interruption` is asked.
    func replay(interruption: () -> Int32?, progress: (Summary) -> Void) throws -> Summary {
        var summary = Summary()
        let started = runtime.clock.now
        while summary.signal == nil && summary.trouble == nil && !isLongEnough(summary) {
            let graph = try StorefrontGraph(customers: log.customerCount)
            let pass = StorefrontPass(
                decisions: decisions, isFirst: summary.passes == 0, purchases: log.purchases.count)
            var submitted = 0
            for purchase in log.purchases {
                // Asking costs less than a submit, but not nothing.
                if submitted % 256 == 0 {
                    summary.elapsed = started.duration(to: runtime.clock.now)
                    summary.signal = interruption()
                    progress(summary)
                    if summary.signal != nil { break }
                }
                do {
                    try runtime.post(graph.plan, purchase, whenFull: .wait) { result in
                        pass.take(result[graph.notify], of: purchase.index)
                    }
                } catch {
                    summary.trouble = "purchase \(purchase.index + 1) could not be submitted: \(error)"
                    break
                }
                submitted += 1
                summary.purchases += 1
            }
            if submitted < log.purchases.count { pass.leave(log.purchases.count - submitted) }
            pass.wait {
                summary.elapsed = started.duration(to: runtime.clock.now)
                progress(summary)
            }
            summary.elapsed = started.duration(to: runtime.clock.now)
            if submitted == log.purchases.count { summary.passes += 1 }
            summary.trouble = summary.trouble ?? pass.firstTrouble
        }
        return summary
    }

    private func isLongEnough(_ summary: Summary) -> Bool {
        switch length {
        case .passes(let count): summary.passes >= count
        case .atLeast(let time): summary.passes > 0 && summary.elapsed >= time
        }
    }
}
