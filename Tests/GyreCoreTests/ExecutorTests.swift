import GyreCore
import Synchronization
import Testing

@Suite struct ExecutorTests {
    @Test func nonisolatedAsyncFunctionsRunOnWorkers() async throws {
        let pool = try makePool()
        let isOnWorker = await withTaskExecutorPreference(pool) { await whereAmI(pool, hops: 5) }
        #expect(isOnWorker)
        await pool.finishAsync()
    }

    @Test func defaultActorsRunOnWorkers() async throws {
        let pool = try makePool()
        let counter = Counted()
        let isOnWorker = await withTaskExecutorPreference(pool) {
            await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<500 { group.addTask { await counter.count(pool) } }
                return await group.reduce(true) { $0 && $1 }
            }
        }
        #expect(isOnWorker)
        #expect(await counter.number == 500)
        await pool.finishAsync()
    }

    @Test func tasksWithThePreferenceRunOnWorkers() async throws {
        let pool = try makePool(workers: 1)
        let task = Task(executorPreference: pool) {
            let before = pool.isWorkerThread
            await Task.yield()
            return before && pool.isWorkerThread
        }
        #expect(await task.value)
        await pool.finishAsync()
    }

    @Test func aMainActorBodyStaysWhereItBelongs() async throws {
        let pool = try makePool()
        let isOnWorker = await withTaskExecutorPreference(pool) { await onMain(pool) }
        #expect(!isOnWorker)
        await pool.finishAsync()
    }

    /// The smallest pool, all of whose records are taken: what is enqueued goes to the overflow queue and runs later.
    @Test(arguments: [1, 2]) func whenEveryRecordIsOutJobsOverflowAndAllComplete(workers: Int) async throws {
        let pool = try makePool(workers: workers) {
            $0.inFlight = 2
            $0.submitters = 1
        }
        let release = try pool.occupy(workers)
        let ran = Tally()
        let count = 5_000
        let tasks = (0..<count).map { number in
            Task(executorPreference: pool) {
                await Task.yield()
                ran.add()
                return pool.isWorkerThread ? number : -1
            }
        }
        #expect(pool.snapshot().overflowJobsMax > 0)
        release.open()
        for (number, task) in tasks.enumerated() { #expect(await task.value == number) }
        #expect(ran.count == count)
        await pool.finishAsync()
        #expect(pool.snapshot().recordsInFlight == 0)
    }

    /// The first job makes another one while thousands wait in the overflow queue and a record is free again.
    @Test func noJobOvertakesThoseThatOverflowed() async throws {
        let pool = try makePool(workers: 1) {
            $0.inFlight = 2
            $0.submitters = 1
        }
        let release = try pool.occupy(1)
        let order = Order()
        let count = 5_000
        let tasks = (0..<count).map { number in
            Task(executorPreference: pool) {
                let late = number > 0 ? nil : Task(executorPreference: pool) { order.append(count) }
                order.append(number)
                await late?.value
            }
        }
        #expect(pool.snapshot().overflowJobsMax > 0)
        release.open()
        for task in tasks { await task.value }
        #expect(order.numbers.count == count + 1)
        // Records are fewer than that, so these overflowed.
        let overflowed = 2_000..<count
        #expect(order.numbers.prefix { $0 != count }.count(where: overflowed.contains) == overflowed.count)
        await pool.finishAsync()
    }

    private final class Order: Sendable {
        private let list = Lock<[Int]>([])
        var numbers: [Int] { list.withLock { $0 } }
        func append(_ number: Int) { list.withLock { $0.append(number) } }
    }

    @Test func jobsOfAClosedPoolStillComplete() async throws {
        let pool = try makePool()
        let gate = Latch()
        let started = Tally()
        let tasks = (0..<50).map { number in
            Task(executorPreference: pool) {
                started.add()
                while !gate.isOpen { await Task.yield() }
                for _ in 0..<10 { await Task.yield() }
                return number
            }
        }
        while started.count < 50 { await Task.yield() }
        pool.close()
        gate.open()
        for (number, task) in tasks.enumerated() { #expect(await task.value == number) }
        let late = Task(executorPreference: pool) { pool.isWorkerThread }
        #expect(await !late.value, "a closed pool runs nothing more")
        await pool.finishAsync()
    }

    /// Jobs are enqueued by several threads while the pool closes: each runs, here or elsewhere, once.
    @Test func noJobIsLostWhenAPoolClosesUnderIt() async throws {
        for round in 0..<30 {
            let pool = try makePool { $0.inFlight = round % 2 == 0 ? 2 : 4_096 }
            let ran = Tally()
            let tasks = (0..<300).map { number in
                Task(executorPreference: pool) {
                    for _ in 0..<(number % 5) { await Task.yield() }
                    ran.add()
                }
            }
            while ran.count < round * 5 { await Task.yield() }
            pool.close()
            for task in tasks { await task.value }
            #expect(ran.count == 300)
            await pool.finishAsync()
            #expect(pool.isQuiet, "a job that ran elsewhere is not waited for")
        }
    }
}

private nonisolated func whereAmI(_ pool: WorkerPool, hops: Int) async -> Bool {
    await Task.yield()
    guard pool.isWorkerThread else { return false }
    return hops == 0 ? true : await whereAmI(pool, hops: hops - 1)
}

@MainActor private func onMain(_ pool: WorkerPool) -> Bool { pool.isWorkerThread }

private actor Counted {
    private(set) var number = 0
    func count(_ pool: WorkerPool) -> Bool {
        number += 1
        return pool.isWorkerThread
    }
}

extension WorkerPool {
    /// As ``finish(_:)``, without blocking one of the few threads of async tests.
    fileprivate func finishAsync(_ location: SourceLocation = #_sourceLocation) async {
        close()
        // The join blocks, and what it waits for may need the thread: it has one of its own.
        let left: Int = await untilWoken { continuation in
            do {
                try PosixThread(name: "joiner") { continuation.wake(returning: self.join(until: nil)) }.detach()
            } catch {
                continuation.wake(returning: -1)
            }
        }
        #expect(left == 0, sourceLocation: location)
    }
}
