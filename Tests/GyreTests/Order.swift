import GyreCore

/// Numbers in the order in which they were appended.
final class Order: Sendable {
    private let list = Lock<[Int]>([])
    var numbers: [Int] { list.withLock { $0 } }
    func append(_ number: Int) { list.withLock { $0.append(number) } }
}
