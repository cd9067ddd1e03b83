import BenchKit
import CoreMetrics
import Synchronization

/// swift-metrics' counter. The package has no backend of its own but one that counts nothing, so this one is the least
/// that a backend can do, and what those that are in use do: an atomic addition to a shared word.
enum SwiftMetrics {
    static func subject(threads: Int) -> Subject {
        Subject("swift-metrics") { operations in
            let counter = Counter(label: "increments", factory: factory)
            let before = Handler.shared.value
            let span = Thread.together(threads) { _ in for _ in 0..<operations { counter.increment() } }
            let all = operations * UInt64(threads)
            let counted = Handler.shared.value - before
            return Run(
                nanoseconds: span.end - span.begin, operations: operations, countIn: all, countOut: counted,
                digestIn: all, digestOut: counted)
        }
    }

    private static let factory = Factory()

    private final class Handler: CounterHandler {
        static let shared = Handler()
        private let sum = Atomic<Int64>(0)

        var value: UInt64 { UInt64(sum.load(ordering: .relaxed)) }
        func increment(by amount: Int64) { sum.wrappingAdd(amount, ordering: .relaxed) }
        func reset() { sum.store(0, ordering: .relaxed) }
    }

    /// Everything but counters goes nowhere.
    private struct Factory: MetricsFactory {
        func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler { Handler.shared }
        func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
            NOOPMetricsHandler.instance
        }
        func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
            NOOPMetricsHandler.instance
        }
        func destroyCounter(_ handler: any CounterHandler) {}
        func destroyRecorder(_ handler: any RecorderHandler) {}
        func destroyTimer(_ handler: any TimerHandler) {}
    }
}
