import BenchPeers

/// Something that runs tasks. Submitting waits for room where there is a bound.
///
/// The loops that submit (``Loops``) are generic and in this module, so that each pool has its own copy of them, with
/// its call inlined.
protocol Pool: AnyObject, Sendable {
    func postEmpty()
    func postWord(_ word: UInt64)
    func postWork(_ word: UInt64)
    func postStamped(_ number: UInt64)
    /// One task that submits `count` others.
    func fanOut(_ count: UInt64)
    /// A task that forks two, until `depth` is 0; those count.
    func tree(_ depth: UInt32)
}

/// A pool that takes closures that return nothing.
protocol ClosurePool: Pool {
    func post(_ body: @escaping @Sendable () -> Void)
    /// What a task of the tree does.
    func fork(_ depth: UInt32)
}

extension ClosurePool {
    func postEmpty() { post { bench_task_empty() } }
    func postWord(_ word: UInt64) { post { bench_task_word(word) } }
    func postWork(_ word: UInt64) { post { bench_task_work(word) } }
    func postStamped(_ number: UInt64) { post { bench_task_stamped(number) } }

    func fanOut(_ count: UInt64) {
        post { for number in 0..<count { self.post { bench_task_word(number) } } }
    }

    func tree(_ depth: UInt32) { post { self.fork(depth) } }

    func fork(_ depth: UInt32) {
        if depth == 0 { return bench_task_empty() }
        post { self.fork(depth - 1) }
        post { self.fork(depth - 1) }
    }
}
