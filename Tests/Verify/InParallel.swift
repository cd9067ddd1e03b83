import Dispatch
import GyreCore
import Synchronization

/// Runs `body(0)` to `body(count - 1)` at once, each on a thread of its own, and returns when all have returned.
///
/// The threads of Dispatch block every signal, and so does whatever they start, threads and programs alike; half of the
/// faults are signals. These here block what the calling thread blocks.
func onThreads(_ count: Int, _ body: @Sendable (Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        var threads: [PosixThread] = []
        for index in 0..<count {
            do {
                threads.append(try PosixThread(name: "verify") { body(index) })
            } catch {
                body(index)  // one after the other, then
            }
        }
        for thread in threads { thread.join() }
    }
}

/// How many things may be done at once. Whoever holds a permit is taken to keep a processor busy.
struct Permits: Sendable {
    let count: Int
    private let free: DispatchSemaphore

    init(_ count: Int) {
        self.count = count
        free = DispatchSemaphore(value: count)
    }

    func holding<Value: ~Copyable, Failure: Error>(_ work: () throws(Failure) -> Value) throws(Failure) -> Value {
        free.wait()
        defer { free.signal() }
        return try work()
    }
}

/// Does `work` for every item, with a permit for each, and returns the results in order. Throws the first error.
func inParallel<Item: Sendable, Value: Sendable, Failure: Error>(
    _ items: [Item], _ permits: Permits, _ work: @Sendable (Item) throws(Failure) -> Value
) throws(Failure) -> [Value] {
    let results = Mutex<[Int: Result<Value, Failure>]>([:])
    let next = Atomic(0)
    onThreads(min(permits.count, items.count)) { _ in
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < items.count else { return }
            let result: Result<Value, Failure>
            do throws(Failure) {
                result = .success(try permits.holding { () throws(Failure) in try work(items[index]) })
            } catch {
                result = .failure(error)
            }
            results.withLock { $0[index] = result }
        }
    }
    let sorted = results.withLock { $0 }.sorted { $0.key < $1.key }
    precondition(sorted.count == items.count, "an item was not worked on")
    var values: [Value] = []
    for (_, result) in sorted { values.append(try result.get()) }
    return values
}
