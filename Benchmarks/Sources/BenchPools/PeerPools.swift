import BenchKit
import BenchPeers
import DequeModule
import Dispatch
import Foundation
import NIOPosix

final class DispatchPool: ClosurePool {
    private let queue = DispatchQueue(label: "bench", attributes: .concurrent)

    func post(_ body: @escaping @Sendable () -> Void) { queue.async(execute: body) }
}

final class OperationQueuePool: ClosurePool {
    private let queue = OperationQueue()

    func post(_ body: @escaping @Sendable () -> Void) { queue.addOperation(body) }
}

/// `Task {}` on the default executor.
final class SwiftTaskPool: ClosurePool {
    func post(_ body: @escaping @Sendable () -> Void) { Task { body() } }
    func postEmpty() { Task { bench_task_empty() } }
    func postWord(_ word: UInt64) { Task { bench_task_word(word) } }
    func postWork(_ word: UInt64) { Task { bench_task_work(word) } }
    func postStamped(_ number: UInt64) { Task { bench_task_stamped(number) } }

    func fanOut(_ count: UInt64) {
        Task { for number in 0..<count { Task { bench_task_word(number) } } }
    }

    func fork(_ depth: UInt32) {
        if depth == 0 { return bench_task_empty() }
        Task { self.fork(depth - 1) }
        Task { self.fork(depth - 1) }
    }
}

final class NIOPool: ClosurePool {
    private let pool: NIOThreadPool

    init(workers: Int) {
        pool = NIOThreadPool(numberOfThreads: workers)
        pool.start()
    }

    func post(_ body: @escaping @Sendable () -> Void) { pool.submit { _ in body() } }
    func postEmpty() { pool.submit { _ in bench_task_empty() } }
    func postWord(_ word: UInt64) { pool.submit { _ in bench_task_word(word) } }
    func postWork(_ word: UInt64) { pool.submit { _ in bench_task_work(word) } }
    func postStamped(_ number: UInt64) { pool.submit { _ in bench_task_stamped(number) } }

    func run(_ body: @escaping @Sendable () -> UInt64) async throws -> UInt64 { try await pool.runIfActive(body) }
}

/// What everybody would write: a deque, a mutex and a condition.
final class MutexPool: ClosurePool, @unchecked Sendable {
    // `@unchecked`: everything below is touched with the lock held.
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let ready = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var bodies: Deque<@Sendable () -> Void> = []

    /// Lives as long as the process: its threads do.
    init(workers: Int) {
        pthread_mutex_init(lock, nil)
        pthread_cond_init(ready, nil)
        for _ in 0..<workers { _ = BenchKit.Thread { self.work() } }
    }

    func post(_ body: @escaping @Sendable () -> Void) {
        pthread_mutex_lock(lock)
        bodies.append(body)
        pthread_mutex_unlock(lock)
        pthread_cond_signal(ready)
    }

    private func work() {
        while true {
            pthread_mutex_lock(lock)
            while bodies.isEmpty { pthread_cond_wait(ready, lock) }
            let body = bodies.removeFirst()
            pthread_mutex_unlock(lock)
            body()
        }
    }
}

/// oneTBB's task_arena. The loops that fork are its own, in C++.
final class TBBPool: Pool, @unchecked Sendable {
    // `@unchecked`: the arena takes tasks from any thread.
    private let arena: UnsafeMutableRawPointer

    init?(workers: Int) {
        guard let arena = bench_tbb_pool_create(UInt32(workers)) else { return nil }
        self.arena = arena
    }

    func postEmpty() { bench_tbb_pool_enqueue(arena, BENCH_BODY_EMPTY, 0) }
    func postWord(_ word: UInt64) { bench_tbb_pool_enqueue(arena, BENCH_BODY_WORD, word) }
    func postWork(_ word: UInt64) { bench_tbb_pool_enqueue(arena, BENCH_BODY_WORK, word) }
    func postStamped(_ number: UInt64) { bench_tbb_pool_enqueue(arena, BENCH_BODY_STAMPED, number) }
    func fanOut(_ count: UInt64) { bench_tbb_pool_fan_out(arena, count) }
    func tree(_ depth: UInt32) { bench_tbb_pool_tree(arena, depth) }
}
