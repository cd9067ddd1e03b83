import Dispatch
import Synchronization

/// Does `work` for every item, `jobs` at a time, and returns the results in order. Throws the first error.
func inParallel<Item: Sendable, Value: Sendable, Failure: Error>(
    _ items: [Item], jobs: Int, _ work: @Sendable (Item) throws(Failure) -> Value
) throws(Failure) -> [Value] {
    let results = Mutex<[Int: Result<Value, Failure>]>([:])
    let next = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: min(jobs, items.count)) { _ in
        while true {
            let index = next.add(1, ordering: .relaxed).oldValue
            guard index < items.count else { return }
            let result: Result<Value, Failure>
            do throws(Failure) {
                result = .success(try work(items[index]))
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
