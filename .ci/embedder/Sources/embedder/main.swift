import Gyre

let gyre = try Runtime()
let handles = try (1...1_000).map { number in try gyre.post(whenFull: .wait) { number * number } }
var sum = 0
for handle in handles { sum += try await handle.value }
await gyre.drain()
precondition(sum == 333_833_500, "the sum of the squares is \(sum)")
print("embedder: 1000 tasks on \(gyre.pool.workerCount) workers, sum \(sum)")
