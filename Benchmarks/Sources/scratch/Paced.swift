import BenchKit
import Dispatch
import Gyre
import Synchronization

/// Response times at a fixed pace: an open loop. A producer that never blocks submits a task of one microsecond in
/// equal gaps. A response lasts from the instant at which the task was to be submitted until it has ended, so a pool
/// that is late once is late for everything that waits behind.
enum Paced {
    private static let bodyNanoseconds: UInt64 = 1_000
    private static let secondsOfRun = 0.5

    /// One run of every subject in turn, `runs` times; prints medians over the runs.
    static func measure(gapMicroseconds: Int, _ options: Options) async throws {
        let runs = options.runs
        let gap = UInt64(gapMicroseconds) * 1_000
        let tasks = max(100, Int(secondsOfRun * 1e9) / Int(gap))
        let subjects = self.subjects(options.workers).filter { $0.title.contains(options.only) }
        var figures = subjects.map { _ in [Figures]() }
        for _ in 0..<runs {
            for (index, subject) in subjects.enumerated() {
                figures[index].append(Figures(try await subject.run(tasks, gap)))
            }
        }
        print("\n1 us every \(gapMicroseconds) us, response in us from the intended start: medians of \(runs) runs\n")
        print("                      p50       p99     p99.9       max worst p99  late p99  from submit p99")
        for (subject, runs) in zip(subjects, figures) {
            let columns = (0..<4).map { which in median(runs.map { $0.responses[which] }) }
            let worst = runs.map { $0.responses[1] }.max() ?? 0
            let late = median(runs.map { $0.lateness[1] })
            let queued = median(runs.map { $0.fromSubmit[1] })
            let cells = (columns + [worst, late, queued]).map { padded(tenths(Double($0) / 1_000)) }
            print(subject.title + String(repeating: " ", count: 15 - subject.title.count) + cells.joined())
        }
    }

    /// Quantiles of one run: 0.5, 0.99, 0.999 and the largest.
    private struct Figures {
        let responses: [UInt64]
        let lateness: [UInt64]
        let fromSubmit: [UInt64]

        init(_ log: ResponseLog) {
            responses = Self.quantiles(log.responses)
            lateness = Self.quantiles(log.lateness)
            fromSubmit = Self.quantiles(zip(log.responses, log.lateness).map { $0 - $1 })
        }

        private static func quantiles(_ values: some Sequence<UInt64>) -> [UInt64] {
            let sorted = values.sorted()
            return [0.5, 0.99, 0.999, 1].map { sorted[min(sorted.count - 1, Int(Double(sorted.count) * $0))] }
        }
    }

    private static func median(_ values: [UInt64]) -> UInt64 { values.sorted()[values.count / 2] }

    private struct Subject: Sendable {
        let title: String
        let run: @Sendable (_ tasks: Int, _ gap: UInt64) async throws -> ResponseLog
    }

    private static func subjects(_ workers: Int?) -> [Subject] {
        let ours = Pinning.allCases.map { pinning in
            Subject(title: "gyre, \(pinning.rawValue)") { tasks, gap in
                var configuration = Runtime.Configuration(workers: workers)
                configuration.pinning = pinning
                let gyre = try Runtime(configuration)
                do {
                    let log = try pace(tasks, gap) { body in try gyre.post(whenFull: .wait, body) }
                    await gyre.drain()
                    return log
                } catch {
                    await gyre.drain()
                    throw error
                }
            }
        }
        let dispatch = Subject(title: "dispatch") { tasks, gap in
            let queue = DispatchQueue(label: "paced", attributes: .concurrent)
            return pace(tasks, gap) { body in queue.async(execute: body) }
        }
        return ours + [dispatch]
    }

    /// Submits on time, or as soon as it can when it is late, and waits for the last task.
    private static func pace<Refusal>(
        _ tasks: Int, _ gap: UInt64, _ submit: (@escaping @Sendable () -> Void) throws(Refusal) -> Void
    ) throws(Refusal) -> ResponseLog {
        let clock = MonotonicClock.system()
        let origin = clock.now
        let log = ResponseLog(tasks)
        for index in 0..<tasks {
            let intended = UInt64(index + 1) * gap
            var now: UInt64
            repeat { now = clock.now.nanoseconds(since: origin) } while now < intended
            log.lateness[index] = now - intended
            try submit {
                let began = clock.now
                while clock.now.nanoseconds(since: began) < bodyNanoseconds {}
                log.responses[index] = clock.now.nanoseconds(since: origin) - intended
                log.ended.wrappingAdd(1, ordering: .releasing)
            }
        }
        while log.ended.load(ordering: .acquiring) < tasks {}
        return log
    }

    private static func padded(_ text: String) -> String {
        String(repeating: " ", count: max(1, 10 - text.count)) + text
    }
}

/// For each task its response, written by the worker that ran it, and how late the producer was with it.
///
/// `@unchecked Sendable`: each place has one writer, and is read when all have ended.
private final class ResponseLog: @unchecked Sendable {
    let responses: UnsafeMutableBufferPointer<UInt64>
    let lateness: UnsafeMutableBufferPointer<UInt64>
    let ended = Atomic(0)

    init(_ tasks: Int) {
        responses = .allocate(capacity: tasks)
        responses.initialize(repeating: 0)
        lateness = .allocate(capacity: tasks)
        lateness.initialize(repeating: 0)
    }

    deinit {
        responses.deallocate()
        lateness.deallocate()
    }
}
