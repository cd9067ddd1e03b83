import BenchKit
import GyreCore

/// Reading the time. What goes in is the number of readings, what comes out the number of those that did not go back.
enum Clocks {
    static let gyre: Subject = {
        let clock = MonotonicClock.system()
        return Subject(Cell.own) { operations in run(operations) { clock.now } }
    }()

    static let continuous = Subject("continuous-clock") { operations in run(operations) { ContinuousClock.now } }

    private static func run<Instant: Comparable>(_ operations: UInt64, _ read: () -> Instant) -> Run {
        var inOrder: UInt64 = 0
        var last = read()
        let elapsed = ContinuousClock().measure {
            for _ in 0..<operations {
                let now = read()
                if now >= last { inOrder += 1 }
                last = now
            }
        }
        let nanoseconds =
            UInt64(elapsed.components.seconds) * 1_000_000_000
            + UInt64(elapsed.components.attoseconds) / 1_000_000_000
        return Run(
            nanoseconds: nanoseconds, operations: operations, countIn: operations, countOut: inOrder, digestIn: 0,
            digestOut: 0)
    }
}
