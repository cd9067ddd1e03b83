import BenchPeers
import Gyre

/// A call that cannot be refused here ended in an error. A figure would mean nothing, so the process ends.
func must<Value>(_ body: () throws -> Value) -> Value {
    do {
        return try body()
    } catch {
        fatalError("refused: \(error)")
    }
}

/// `Runtime.post`, which waits for room.
final class GyrePost: ClosurePool {
    let gyre: Runtime

    init(_ gyre: Runtime) { self.gyre = gyre }

    func post(_ body: @escaping @Sendable () -> Void) { must { try gyre.post(whenFull: .wait, body) } }

    // As its users write it: a closure that is made where it is posted is moved, not retained and released.
    func postEmpty() { must { try gyre.post(whenFull: .wait) { bench_task_empty() } } }
    func postWord(_ word: UInt64) { must { try gyre.post(whenFull: .wait) { bench_task_word(word) } } }
    func postWork(_ word: UInt64) { must { try gyre.post(whenFull: .wait) { bench_task_work(word) } } }
    func postStamped(_ number: UInt64) { must { try gyre.post(whenFull: .wait) { bench_task_stamped(number) } } }

    func fanOut(_ count: UInt64) {
        post { for number in 0..<count { self.postWord(number) } }
    }

    /// A body must not wait for room that only bodies like itself can make: what finds none runs at once.
    func fork(_ depth: UInt32) {
        if depth == 0 { return bench_task_empty() }
        forkOrRun(depth - 1)
        forkOrRun(depth - 1)
    }

    private func forkOrRun(_ depth: UInt32) {
        do throws(SubmitError) {
            try gyre.post { self.fork(depth) }
        } catch {
            guard case .full = error else { fatalError("refused: \(error)") }
            fork(depth)
        }
    }
}

/// `Runtime.fire`, which has no wait of its own.
final class GyreFire: Pool {
    private let gyre: Runtime

    init(_ gyre: Runtime) { self.gyre = gyre }

    func postEmpty() { fire({ _ in bench_task_empty() }, 0) }
    func postWord(_ word: UInt64) { fire({ bench_task_word($0) }, word) }
    func postWork(_ word: UInt64) { fire({ bench_task_work($0) }, word) }
    func postStamped(_ number: UInt64) { fire({ bench_task_stamped($0) }, number) }
    func fanOut(_ count: UInt64) { GyrePost(gyre).fanOut(count) }
    func tree(_ depth: UInt32) { GyrePost(gyre).tree(depth) }

    private func fire(_ function: @convention(c) (UInt64) -> Void, _ word: UInt64) {
        while true {
            do throws(SubmitError) {
                return try gyre.fire(function, word)
            } catch {
                guard case .full = error else { fatalError("refused: \(error)") }
                var rounds: UInt32 = 64
                bench_wait(&rounds)
            }
        }
    }
}

/// The workers as executor of unstructured tasks.
final class GyreTaskExecutor: ClosurePool {
    private let gyre: Runtime

    init(_ gyre: Runtime) { self.gyre = gyre }

    func post(_ body: @escaping @Sendable () -> Void) { Task(executorPreference: gyre.pool) { body() } }
    func postEmpty() { Task(executorPreference: gyre.pool) { bench_task_empty() } }
    func postWord(_ word: UInt64) { Task(executorPreference: gyre.pool) { bench_task_word(word) } }
    func postWork(_ word: UInt64) { Task(executorPreference: gyre.pool) { bench_task_work(word) } }
    func postStamped(_ number: UInt64) { Task(executorPreference: gyre.pool) { bench_task_stamped(number) } }
}
