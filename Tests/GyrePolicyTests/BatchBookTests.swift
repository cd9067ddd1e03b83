import GyreCore
import GyrePolicy
import Testing

@Suite struct BatchBookTests {
    private func at(_ microseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: microseconds * 1_000)
    }

    private func member(
        _ id: UInt64, _ arrival: UInt64, deadline: MonotonicInstant = .distantFuture
    ) -> BatchMember<UInt64> {
        BatchMember(id, id: id, arrival: at(arrival), deadline: deadline)
    }

    @Test func eachKeyFillsItsOwnBatch() throws {
        var book = try BatchBook<String, UInt64>(BatchPolicy(max: 2, within: .seconds(1)), keysMax: 2)
        func add(_ id: UInt64, _ key: String) -> BatchBook<String, UInt64>.Answer {
            book.add(member(id, 0), key: key, size: 2, expectedNanoseconds: 0, at: at(0))
        }
        guard case .wait(at(1_000_000)) = add(1, "a"), case .wait = add(2, "b") else {
            Issue.record("a batch that is not full went")
            return
        }
        guard case .tooManyKeys(keysMax: 2) = add(3, "c") else {
            Issue.record("a third key was opened")
            return
        }
        guard case .send(let members, .full) = add(4, "a") else {
            Issue.record("a full batch did not go")
            return
        }
        #expect(members.map(\.element) == [1, 4])
        let removed = book.remove(id: 2, key: "b")
        #expect(removed?.element == 2)
        #expect(book.count == 0)
        guard case .nothing = book.check("b", size: 2, expectedNanoseconds: 0, at: at(9)) else {
            Issue.record("an empty batch is open")
            return
        }
    }

    /// Members come, are cancelled and time passes: each leaves exactly once, no batch is above its size, none goes
    /// early without need, and none is late when it is asked at the instants that it named.
    @Test func everyMemberLeavesOnceAndInTime() throws {
        forSeeds { random in
            let (max, within) = (Int.random(in: 1...5, using: &random), UInt64.random(in: 0...50, using: &random))
            var book = try BatchBook<Int, UInt64>(BatchPolicy(max: max, within: .microseconds(within)))
            let expected = UInt64.random(in: 0...30, using: &random)
            var dues: [Int: UInt64] = [:]
            var waiting: [Int: Set<UInt64>] = [:]
            var now = UInt64(1_000)
            func settle(_ answer: BatchBook<Int, UInt64>.Answer, _ key: Int) throws {
                switch answer {
                case .wait(let until):
                    try require(until.nanoseconds > now * 1_000, "wait until \(until), which is past")
                    dues[key] = until.nanoseconds / 1_000
                case .send(let members, let reason):
                    let ids = Set(members.map(\.id))
                    try require(ids == waiting[key], "\(ids) went, \(waiting[key] ?? []) waited")
                    try require(members.count <= max, "\(members.count) of at most \(max)")
                    if reason == .full { try require(members.count == max, "not full") }
                    waiting[key] = nil
                    dues[key] = nil
                case .nothing: try require(waiting[key] == nil, "\(waiting[key] ?? []) are lost")
                case .tooManyKeys: throw Counterexample(description: "there are three keys")
                }
            }
            for id in 0..<15 as Range<UInt64> {
                let key = Int.random(in: 0..<3, using: &random)
                if Int.random(in: 0..<5, using: &random) == 0, let gone = waiting[key]?.randomElement(using: &random) {
                    waiting[key]?.remove(gone)
                    if waiting[key]?.isEmpty == true { waiting[key] = nil }
                    try require(book.remove(id: gone, key: key)?.id == gone, "\(gone) could not be cancelled")
                }
                let deadline = Bool.random(using: &random) ? at(now + UInt64.random(in: 0...80, using: &random)) : nil
                waiting[key, default: []].insert(id)
                let member = member(id, now, deadline: deadline ?? .distantFuture)
                try settle(
                    book.add(member, key: key, size: max, expectedNanoseconds: expected * 1_000, at: at(now)), key)
                now += UInt64.random(in: 0...20, using: &random)
                for (key, due) in dues where due <= now {
                    let answer = book.check(key, size: max, expectedNanoseconds: expected * 1_000, at: at(now))
                    try settle(answer, key)
                }
            }
            try require(book.count == waiting.values.reduce(0) { $0 + $1.count }, "\(book.count) wait")
        }
    }
}
