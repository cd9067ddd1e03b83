import Foundation
import GyreCore
import GyreObserve
import Testing

/// A snapshot with every number different from every other.
private func snapshot() -> RuntimeSnapshot {
    var snapshot = RuntimeSnapshot(uptime: .seconds(4), clock: MonotonicClock.manual().clock.description)
    snapshot.tasksLate = 2
    snapshot.tasksDone = 1_234_567
    snapshot.tasksFailed = 3
    snapshot.tasksCancelled = 5
    snapshot.tasksSkipped = 7
    snapshot.tasksRefused = 11
    snapshot.recordsInFlight = 13
    snapshot.runsLive = 18
    snapshot.executorJobs = 17
    snapshot.overflowJobsMax = 19
    snapshot.timersWaiting = 23
    // Below 128 ns, and at the ends, a histogram is exact.
    for value in UInt64(1)...100 { snapshot.queueWait.record(nanoseconds: value) }
    for value in UInt64(1)...100 { snapshot.run.record(nanoseconds: value + 20) }
    snapshot.run.record(nanoseconds: 12_345_678)
    for index in 0..<2 {
        var worker = WorkerSnapshot(index: index)
        worker.state = index == 0 ? .awake : .parked
        worker.tasks = 600_000 + UInt64(index)
        worker.records = 700_000 + UInt64(index)
        worker.busyNanoseconds = index == 0 ? 3_891_234_567 : 2_000_000_000
        worker.steals = 1_037
        worker.parks = 41
        worker.wakes = 43
        worker.pinnedProcessor = index == 0 ? 1 : nil
        snapshot.workers.append(worker)
    }
    snapshot.blocking = BlockingSnapshot(threads: 29, running: 31, waiting: 37, refused: 47)
    snapshot.caches = [
        CacheSnapshot(
            title: "cache of Page by String", hits: 53, misses: 59, stale: 61, negative: 67, refreshes: 71,
            evicted: 73, tooHeavy: 79, entries: 83, weight: 89, loading: 97)
    ]
    return snapshot
}

@Suite struct SnapshotTableTests {
    @Test func theTableReadsLikeThis() {
        #expect(
            SnapshotTable(snapshot()).text() == """
                tasks done         1,234,567
                tasks failed               3
                tasks skipped              7
                tasks late                 2
                tasks cancelled            5
                tasks refused             11
                tasks per minute  18,518,505  (agent platforms are proud of 1,000 per minute; this is 18,518 times that)

                nanoseconds  p50  p99       p99.9         max
                queue wait    50   99         100         100
                run           71  120  12,345,678  12,345,678
                total          -    -           -           -
                clock manual, step 1 ns

                worker    tasks  busy %  steals  parks
                0       600,000    97.3   1,037     41
                1       600,001    50.0   1,037     41

                """)
    }

    @Test func whatDidNotHappenIsLeftOut() {
        let empty = RuntimeSnapshot(uptime: .zero, clock: MonotonicClock.manual().clock.description)
        let text = SnapshotTable(empty).text()
        #expect(!text.contains("late"))
        #expect(!text.contains("cancelled"))
        #expect(!text.contains("refused"))
        #expect(text.contains("tasks per minute  0  (agent platforms are proud of 1,000 per minute)\n"))
    }

    @Test func theRateRefersToTheInterval() {
        let text = SnapshotTable(snapshot(), over: .seconds(8)).text()
        #expect(text.contains("tasks per minute  9,259,252  "))
        #expect(text.contains("0       600,000    48.6  "))
    }

    @Test func onATerminalOnlyTheEmphasisDiffers() {
        let plain = SnapshotTable(snapshot()).text()
        let styled = SnapshotTable(snapshot()).text(style: .terminal)
        #expect(styled != plain)
        #expect(styled.contains("\u{1B}[31mtasks failed"))
        #expect(styled.replacing(/\u{1B}\[[0-9]*m/, with: "") == plain)
        #expect(!plain.contains("\u{1B}"))
    }

    /// 2^64 - 1 tasks in a nanosecond is more a minute than a UInt64 holds.
    @Test func ratesStopAtTheirLargest() {
        var snapshot = RuntimeSnapshot(uptime: .nanoseconds(1), clock: MonotonicClock.manual().clock.description)
        snapshot.tasksDone = .max
        #expect(snapshot.jsonObject()["tasks_per_minute"] == .integer(.max))
    }
}

@Suite struct SnapshotJSONTests {
    @Test func everyNumberHasItsKey() throws {
        let object = snapshot().jsonObject()
        #expect(
            object.keys == [
                "uptime_nanoseconds", "tasks_done", "tasks_failed", "tasks_late", "tasks_cancelled",
                "tasks_skipped", "tasks_refused", "records_in_flight", "runs_live", "tasks_per_minute",
                "executor_jobs", "overflow_jobs_max", "timers_waiting", "queue_wait_count",
                "queue_wait_nanoseconds_p50", "queue_wait_nanoseconds_p99", "queue_wait_nanoseconds_p999",
                "queue_wait_nanoseconds_max", "run_count", "run_nanoseconds_p50", "run_nanoseconds_p99",
                "run_nanoseconds_p999", "run_nanoseconds_max", "total_count", "total_nanoseconds_p50",
                "total_nanoseconds_p99", "total_nanoseconds_p999", "total_nanoseconds_max", "clock_source",
                "clock_step_nanoseconds", "clock_read_nanoseconds", "clock_drift_parts_per_billion", "workers",
                "blocking", "caches",
            ])
        let numbers: [String: UInt64] = [
            "uptime_nanoseconds": 4_000_000_000, "tasks_late": 2, "tasks_done": 1_234_567,
            "tasks_failed": 3, "tasks_cancelled": 5, "tasks_skipped": 7, "tasks_refused": 11, "records_in_flight": 13,
            "runs_live": 18, "tasks_per_minute": 18_518_505, "executor_jobs": 17, "overflow_jobs_max": 19,
            "timers_waiting": 23, "queue_wait_count": 100, "queue_wait_nanoseconds_p50": 50,
            "queue_wait_nanoseconds_p99": 99, "queue_wait_nanoseconds_p999": 100,
            "queue_wait_nanoseconds_max": 100, "run_count": 101, "run_nanoseconds_max": 12_345_678,
            "clock_step_nanoseconds": 1,
        ]
        for (key, number) in numbers { #expect(object[key] == .integer(number), "\(key)") }
        #expect(object["clock_source"] == .string("manual"))
        #expect(object["total_count"] == .integer(0))
        #expect(object["total_nanoseconds_p50"] == .null)
        guard case .array(let workers) = object["workers"], case .object(let worker) = workers.first else {
            Issue.record("no workers")
            return
        }
        #expect(workers.count == 2)
        #expect(
            worker.text == """
                {
                  "index": 0,
                  "state": "awake",
                  "tasks": 600000,
                  "records": 700000,
                  "busy_percent": 97.28,
                  "busy_nanoseconds": 3891234567,
                  "steals": 1037,
                  "parks": 41,
                  "wakes": 43,
                  "pinned_processor": 1
                }
                """)
        guard case .object(let blocking) = object["blocking"], case .array(let caches) = object["caches"] else {
            Issue.record("no parts")
            return
        }
        #expect(
            blocking.text == """
                {
                  "threads": 29,
                  "running": 31,
                  "waiting": 37,
                  "refused": 47
                }
                """)
        guard case .object(let cache) = caches.first else {
            Issue.record("no caches")
            return
        }
        #expect(
            cache.text == """
                {
                  "title": "cache of Page by String",
                  "hits": 53,
                  "misses": 59,
                  "stale": 61,
                  "negative": 67,
                  "refreshes": 71,
                  "evicted": 73,
                  "too_heavy": 79,
                  "entries": 83,
                  "weight": 89,
                  "loading": 97
                }
                """)
    }
}
