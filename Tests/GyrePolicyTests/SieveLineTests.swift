import GyrePolicy
import Testing

/// SIEVE against the paper's own description, written as a search in an array.
@Suite struct SieveLineTests {
    @Test func whatWasUsedIsPassedOverOnce() {
        var line = SieveLine<Int>()
        var used: Set<Int> = [0, 1]
        for number in 0..<4 { _ = line.append(number) }
        let isUsed: (Int) -> Bool = { used.remove($0) != nil }
        #expect(line.evict(isUsed: isUsed) == 2)
        #expect(line.evict(isUsed: isUsed) == 3, "the hand goes on where it stood")
        #expect(line.evict(isUsed: isUsed) == 0)
        #expect(line.evict(isUsed: isUsed) == 1)
        #expect(line.evict(isUsed: isUsed) == nil)
    }

    @Test func oneGoesAlthoughAllAreUsedAgainAndAgain() {
        var line = SieveLine<Int>()
        for number in 0..<3 { _ = line.append(number) }
        #expect(line.evict { _ in true } != nil)
        #expect(line.count == 2)
    }

    @Test func theRulesHoldForEverySeed() {
        forSeeds { random in
            var line = SieveLine<Int>()
            var reference = SieveReference()
            var places: [Int: SieveLine<Int>.Place] = [:]
            var used: Set<Int> = []
            for step in 0..<40 {
                switch random.pick(0...5) {
                case 0, 1:
                    places[step] = line.append(step)
                    reference.items.append(step)
                case 2:
                    guard !reference.items.isEmpty else { continue }
                    used.insert(random.pick(reference.items))
                case 3:
                    guard !reference.items.isEmpty else { continue }
                    let item = random.pick(reference.items)
                    line.remove(places[item]!)
                    reference.remove(item)
                    used.remove(item)
                default:
                    var same = used
                    let expected = reference.evict { same.remove($0) != nil }
                    let evicted = line.evict { used.remove($0) != nil }
                    try require(evicted == expected, "\(evicted as Int?) instead of \(expected as Int?)")
                    try require(used == same, "uses that are left: \(used) instead of \(same)")
                }
                try require(line.count == reference.items.count, "count \(line.count)")
            }
        }
    }
}

/// Items from the oldest to the youngest, and the item at which the hand stands.
private struct SieveReference {
    var items: [Int] = []
    var hand: Int?

    mutating func remove(_ item: Int) {
        if hand == item { hand = next(of: item) }
        items.removeAll { $0 == item }
    }

    private func next(of item: Int) -> Int? {
        let index = items.firstIndex(of: item)! + 1
        return index < items.count ? items[index] : nil
    }

    mutating func evict(_ isUsed: (Int) -> Bool) -> Int? {
        guard var candidate = hand ?? items.first else { return nil }
        while isUsed(candidate) { candidate = next(of: candidate) ?? items[0] }
        hand = candidate
        remove(candidate)
        return candidate
    }
}
