import GyreCore
import Synchronization

/// TEMP
final class Intake: Sendable {
    private let closed = Atomic<Bool>(false)
    private let live = Atomic<Int>(0)
    var isClosed: Bool { closed.load(ordering: .relaxed) }
    func enter() -> Bool { live.add(1, ordering: .sequentiallyConsistent); if closed.load(ordering: .sequentiallyConsistent) { leave(); return false }; return true }
    func leave() { live.subtract(1, ordering: .releasing) }
    func close() { closed.store(true, ordering: .sequentiallyConsistent) }
    var count: Int { live.load(ordering: .acquiring) }
}
