import Testing

@testable import GyrePolicy

@Suite struct HeapForestTests {
    @Test func slotsMayComeInAnyOrder() {
        var forest = HeapForest<Int>()
        var root = SlotLink.none
        for number in [7, 0, 3] { forest.insert(SlotLink(number), key: number * 10, into: &root) }
        #expect(root == SlotLink(0))
        #expect(forest.key(of: SlotLink(7)) == 70)
        forest.remove(SlotLink(0), from: &root)
        #expect(root == SlotLink(3))
    }

    /// Three heaps over the same slots against three plain sets, with removals from anywhere.
    @Test func theSmallestIsAlwaysOnTop() throws {
        forSeeds { random in
            var forest = HeapForest<UInt64>()
            var roots = [SlotLink](repeating: .none, count: 3)
            var members = [[Int: UInt64]](repeating: [:], count: 3)
            var free = Array(0..<20)
            for _ in 0..<60 {
                let heap = Int.random(in: 0..<3, using: &random)
                if Int.random(in: 0..<5, using: &random) < 3, let slot = free.popLast() {
                    let key = UInt64.random(in: 0...15, using: &random)
                    forest.insert(SlotLink(slot), key: key, into: &roots[heap])
                    members[heap][slot] = key
                } else if roots[heap] != .none {
                    let top = Bool.random(using: &random)
                    let slot = top ? roots[heap].index : members[heap].keys.sorted().randomElement(using: &random)
                    guard let slot else { throw Counterexample(description: "a root of an empty heap") }
                    forest.remove(SlotLink(slot), from: &roots[heap])
                    members[heap][slot] = nil
                    free.append(slot)
                }
                for (root, members) in zip(roots, members) {
                    guard let least = members.values.min() else {
                        try require(root == .none, "an empty heap has a root")
                        continue
                    }
                    try require(members[root.index] == least, "slot \(root.number) is on top of \(members)")
                }
            }
        }
    }
}
