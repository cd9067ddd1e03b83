import GyreCore
import GyrePolicy
import Testing

@Suite struct FairQueueTests {
    private func at(_ nanoseconds: UInt64) -> MonotonicInstant { MonotonicInstant(nanoseconds: nanoseconds) }
    private let second: UInt64 = 1_000_000_000

    private func drained<Element>(_ queue: inout FairQueue<Element>, at now: MonotonicInstant) -> [Element] {
        var elements: [Element] = []
        while let task = queue.dequeue(at: now) { elements.append(task.element) }
        return elements
    }

    @Test func theMoreUrgentClassGoesFirst() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration())
        for level in [5, 0, 7, 2] as [UInt8] {
            _ = queue.enqueue(
                FairTask(Int(level), FairRank(priority: PriorityClass(level: level), arrival: at(0))), at: at(0))
        }
        #expect(drained(&queue, at: at(1)) == [0, 2, 5, 7])
    }

    @Test func insideATenantTheEarliestDeadlineThenTheFirstToCome() throws {
        var queue = FairQueue<String>(try FairQueueConfiguration())
        _ = queue.enqueue(FairTask("late", FairRank(arrival: at(1))), at: at(5))
        _ = queue.enqueue(FairTask("far", FairRank(arrival: at(2), deadline: at(900))), at: at(5))
        _ = queue.enqueue(FairTask("near", FairRank(arrival: at(3), deadline: at(800))), at: at(5))
        _ = queue.enqueue(FairTask("retried", FairRank(arrival: at(0))), at: at(5))
        _ = queue.enqueue(FairTask("later", FairRank(arrival: at(1))), at: at(5))
        #expect(drained(&queue, at: at(6)) == ["near", "far", "retried", "late", "later"])
    }

    @Test func theCheaperOfEqualDeadlinesGoesFirstWhenThatIsWanted() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration(quantum: 100, shortestFirst: true))
        for cost in [30, 10, 20] {
            _ = queue.enqueue(FairTask(cost, FairRank(arrival: at(0), cost: UInt32(cost))), at: at(0))
        }
        #expect(drained(&queue, at: at(0)) == [10, 20, 30])
    }

    @Test func oneWithAThousandTasksDoesNotDelayOneWithOne() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration())
        for index in 0..<1_000 { _ = queue.enqueue(FairTask(index, FairRank(tenant: 1, arrival: at(0))), at: at(0)) }
        _ = queue.enqueue(FairTask(-1, FairRank(tenant: 2, arrival: at(9))), at: at(9))
        let firsts = [queue.dequeue(at: at(9))?.element, queue.dequeue(at: at(9))?.element]
        #expect(firsts.contains(-1))
    }

    @Test func aTaskGainsAClassPerIntervalThatItWaits() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration())
        _ = queue.enqueue(FairTask(7, FairRank(priority: .lowest, arrival: at(0))), at: at(0))
        for waited in 1...7 as ClosedRange<UInt64> {
            let fresh = FairTask(Int(waited), FairRank(priority: .highest, arrival: at(waited * second)))
            _ = queue.enqueue(fresh, at: at(waited * second))
            #expect(queue.dequeue(at: at(waited * second))?.element == Int(waited))
            #expect(queue.count(in: PriorityClass(level: UInt8(7 - waited))) == 1, "after \(waited) intervals")
        }
        _ = queue.enqueue(
            FairTask(8, FairRank(priority: .highest, arrival: at(8 * second), deadline: at(1))), at: at(8 * second))
        #expect(drained(&queue, at: at(8 * second)) == [7, 8])
    }

    @Test func aRetryIsAsOldAsItWas() throws {
        var queue = FairQueue<String>(try FairQueueConfiguration())
        _ = queue.enqueue(
            FairTask("fresh", FairRank(priority: PriorityClass(level: 5), arrival: at(6 * second))), at: at(6 * second))
        _ = queue.enqueue(FairTask("retried", FairRank(priority: .lowest, arrival: at(0))), at: at(6 * second))
        #expect(drained(&queue, at: at(6 * second)) == ["retried", "fresh"])
    }

    @Test func aTicketNamesATaskOnceAndNeverItsSuccessor() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration(capacity: 1))
        guard case .queued(let first) = queue.enqueue(FairTask(1, FairRank(arrival: at(0))), at: at(0)) else {
            Issue.record("an empty queue refused")
            return
        }
        #expect(queue.remove(first)?.element == 1)
        #expect(queue.remove(first) == nil)
        _ = queue.enqueue(FairTask(2, FairRank(arrival: at(0))), at: at(0))
        #expect(queue.remove(first) == nil)
        #expect(queue.count == 1)
    }

    @Test func aFullQueueRefusesOrMakesRoomAsItWasTold() throws {
        func answer(_ mode: BackpressureMode, level: UInt8) throws -> (kept: [Int], shed: Int?) {
            var queue = FairQueue<Int>(try FairQueueConfiguration(capacity: 3, whenFull: mode))
            for (index, level) in [1, 6, 6].enumerated() as EnumeratedSequence<[UInt8]> {
                let task = FairTask(index, FairRank(priority: PriorityClass(level: level), arrival: at(UInt64(index))))
                _ = queue.enqueue(task, at: at(5))
            }
            let new = FairTask(9, FairRank(priority: PriorityClass(level: level), arrival: at(5)))
            var shed: Int?
            switch queue.enqueue(new, at: at(5)) {
            case .queuedShedding(_, let task): shed = task.element
            case .full(let capacity): #expect(capacity == 3)
            case .queued, .tenantFull: Issue.record("a full queue took one more")
            }
            #expect(queue.count == 3)
            return (drained(&queue, at: at(6)), shed)
        }
        #expect(try answer(.fail, level: 0) == ([0, 1, 2], nil))
        #expect(try answer(.suspend, level: 0) == ([0, 1, 2], nil))
        #expect(try answer(.shedOldest, level: 7) == ([1, 2, 9], 0))
        #expect(try answer(.shedLowest, level: 3) == ([0, 9, 1], 2))
        #expect(try answer(.shedLowest, level: 7) == ([0, 1, 2], nil))
        #expect(try answer(.shedLowest, level: 6) == ([0, 1, 2], nil))
    }

    @Test func aTenantCannotFillTheQueueWhenItsShareIsBounded() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration(capacity: 4, tenantCapacity: 2))
        for _ in 0..<2 { _ = queue.enqueue(FairTask(1, FairRank(tenant: 1, arrival: at(0))), at: at(0)) }
        guard case .tenantFull(capacity: 2) = queue.enqueue(FairTask(1, FairRank(tenant: 1, arrival: at(0))), at: at(0))
        else {
            Issue.record("a third task of one tenant was queued")
            return
        }
        guard case .queued(let ticket) = queue.enqueue(FairTask(2, FairRank(tenant: 2, arrival: at(0))), at: at(0))
        else {
            Issue.record("another tenant was refused")
            return
        }
        _ = queue.remove(ticket)
        #expect(queue.dequeue(at: at(0)) != nil)
        guard case .queued = queue.enqueue(FairTask(1, FairRank(tenant: 1, arrival: at(0))), at: at(0)) else {
            Issue.record("a place that became free was not given again")
            return
        }
    }

    @Test func theNewestOfTheTenantGoesFirstWhileOverloaded() throws {
        var queue = FairQueue<Int>(try FairQueueConfiguration(servesNewestFirst: true))
        for index in 0..<3 { _ = queue.enqueue(FairTask(index, FairRank(arrival: at(UInt64(index)))), at: at(5)) }
        #expect(queue.dequeue(at: at(5), newestFirst: true)?.element == 2)
        #expect(queue.dequeue(at: at(5))?.element == 0)
        #expect(queue.dequeue(at: at(5), newestFirst: true)?.element == 1)
        #expect(queue.dequeue(at: at(5), newestFirst: true) == nil)
    }

    @Test func thePriorityOfAClassAndItsLaneAgree() {
        for level in 0..<12 as Range<UInt8> {
            #expect(PriorityClass(level: level).lane.rawValue == UInt32(min(7, level) / 2))
        }
        for lane in Lane.allCases { #expect(PriorityClass(lane).lane == lane) }
        #expect(PriorityClass.highest < .normal)
    }

    @Test(arguments: [
        (0, 1, Duration.seconds(1), UInt32(1), "capacity"), (4, 5, .seconds(1), 1, "tenantCapacity"),
        (4, 0, .seconds(1), 1, "tenantCapacity"), (4, 4, .zero, 1, "ageing"), (4, 4, .seconds(1), 0, "quantum"),
    ])
    func whatMakesNoSenseIsNamed(
        capacity: Int, tenantCapacity: Int, ageing: Duration, quantum: UInt32, field: String
    ) {
        #expect {
            try FairQueueConfiguration(
                capacity: capacity, tenantCapacity: tenantCapacity, ageing: ageing, quantum: quantum)
        } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }

    @Test func everyValueSaysWhereItCameFrom() throws {
        #expect(
            try FairQueueConfiguration(capacity: 9).settings.map(\.description) == [
                "capacity = 9 (user)", "tenantCapacity = none (default)", "whenFull = suspend (default)",
                "ageing = 1 s (default)", "quantum = 1 (default)", "shortestFirst = false (default)",
                "servesNewestFirst = false (default)",
            ])
    }
}
