import Gyre
import GyreCore
import Testing

@Suite struct PostTests {
    @Test(arguments: [1, 2, 5]) func everyFiredFunctionRunsExactlyOnce(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 512)
        let marks = Marks(20_000)
        let target = Target(marks: marks)
        try onThreads(4) { me in
            for item in stride(from: me, to: marks.count, by: 4) { runtime.fireUntilTaken(target.word(item)) }
        }
        #expect(eventually { runtime.snapshot().tasksDone == UInt64(marks.count) })
        #expect(marks.wrong.isEmpty)
        runtime.finish()
    }

    @Test func everyPostedClosureRunsExactlyOnceAndIsReleased() throws {
        let runtime = try makeRuntime(inFlight: 256)
        let marks = Marks(20_000)
        let lives = Tally()
        try onThreads(4) { me in
            for item in stride(from: me, to: marks.count, by: 4) {
                let life = Life(lives)
                do {
                    try runtime.post(whenFull: .wait) {
                        withExtendedLifetime(life) { marks.mark(item) }
                    }
                } catch {
                    Issue.record("refused: \(error)")
                }
            }
        }
        runtime.finish()
        #expect(marks.wrong.isEmpty)
        #expect(lives.count == 0, "contexts of closures were leaked or released twice")
    }

    @Test func aHandleGivesTheValueOfItsBody() throws {
        let runtime = try makeRuntime()
        let handles = try (0..<500).map { number in try runtime.post { number * number } }
        for (number, handle) in handles.enumerated() { #expect(outcome(of: handle)?.value == number * number) }
        runtime.finish()
    }

    @Test func anErrorReachesTheHandleUnchanged() throws {
        let runtime = try makeRuntime()
        let handle = try runtime.post { () throws -> Int in throw Failure(number: 7) }
        let settled = try #require(outcome(of: handle))
        guard case .failed(let error) = settled else {
            Issue.record("\(settled)")
            return
        }
        #expect(error as? Failure == Failure(number: 7))
        #expect(throws: Failure(number: 7)) { try settled.get() }
        runtime.finish()
    }

    @Test func afterAnErrorTheOthersGoOn() throws {
        let runtime = try makeRuntime(workers: 1)
        let handles = try (0..<100).map { number in
            try runtime.post { () throws -> Int in
                if number % 3 == 0 { throw Failure(number: number) }
                return number
            }
        }
        for (number, handle) in handles.enumerated() {
            #expect(outcome(of: handle)?.value == (number % 3 == 0 ? nil : number))
        }
        let snapshot = runtime.snapshot()
        #expect(snapshot.tasksFailed == 34)
        #expect(snapshot.tasksDone == 66)
        runtime.finish()
    }

    @Test func aFullPoolRefusesAndLeavesNothingBehind() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 16)
        let release = try runtime.occupy(1)
        let lives = Tally()
        let ran = Tally()
        var taken = 0
        var refused = 0
        while refused == 0 {
            let life = Life(lives)
            do {
                try runtime.post { withExtendedLifetime(life) { ran.add() } }
                taken += 1
            } catch {
                #expect(error == .full)
                refused += 1
            }
        }
        #expect(taken >= 15, "with the one that runs, inFlight is what is accepted at least")
        #expect(lives.count == taken, "a refused closure is released at once")
        #expect(throws: SubmitError.full) { try runtime.fire({ _ in }, 0) }
        #expect(throws: SubmitError.full) { _ = try runtime.post { 1 } }
        #expect(throws: SubmitError.full) { _ = try runtime.fireCancellable({ _ in }, 0) }
        #expect(runtime.snapshot().tasksRefused == 4)
        release.open()
        #expect(eventually { ran.count == taken })
        #expect(eventually { lives.count == 0 })
        runtime.finish()
    }

    @Test func whoWaitsForRoomOutsideGetsItOnceTasksHaveEnded() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 64)
        let release = try runtime.occupy(1)
        let ran = Tally()
        var taken = 0
        do {
            while true {
                try runtime.post { ran.add() }
                taken += 1
            }
        } catch {
            #expect(error == .full)
        }
        let waits = Latch()
        let through = Latch()
        let thread = try PosixThread(name: "waiter") {
            waits.open()
            do {
                try runtime.post(whenFull: .wait) { ran.add() }
                let handle: TaskHandle<Void> = try runtime.post(whenFull: .wait) { ran.add() }
                _ = outcome(of: handle)
            } catch {
                Issue.record("refused: \(error)")
            }
            through.open()
        }
        #expect(waits.wait())
        #expect(!through.isOpen)
        release.open()
        #expect(through.wait())
        thread.join()
        #expect(eventually { ran.count == taken + 2 })
        runtime.finish()
    }

    @Test(arguments: [1, 2]) func oneTaskFansOutThroughASmallPool(workers: Int) throws {
        let runtime = try makeRuntime(workers: workers, inFlight: 1_024)
        let marks = Marks(200_000)
        let root = try runtime.post { () throws -> Bool in
            for item in 0..<marks.count { try runtime.post(whenFull: .wait) { marks.mark(item) } }
            return true
        }
        #expect(outcome(of: root)?.value == true)
        runtime.finish()
        #expect(marks.wrong.isEmpty)
    }

    @Test func aDeadlineInThePastIsRefused() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime { $0.clock = clock }
        time.advance(by: .nanoseconds(500))
        let ran = Tally()
        #expect(throws: SubmitError.late) {
            try runtime.post(deadline: MonotonicInstant(nanoseconds: 1_499)) { ran.add() }
        }
        #expect(throws: SubmitError.late) { try runtime.post(deadline: .distantPast) { ran.add() } }
        #expect(throws: SubmitError.late) {
            try runtime.post(deadline: .distantPast) { () async throws -> Int in
                ran.add()
                return 1
            }
        }
        try runtime.post(deadline: MonotonicInstant(nanoseconds: 1_500)) { ran.add() }
        runtime.finish()
        #expect(ran.count == 1, "the instant itself is in time")
        #expect(runtime.snapshot().tasksLate == 3)
    }

    @Test func aTaskThatBecomesLateInTheQueueDoesNotRun() throws {
        let (clock, time) = MonotonicClock.manual(startingAt: MonotonicInstant(nanoseconds: 1_000))
        let runtime = try makeRuntime(workers: 1) { $0.clock = clock }
        let release = try runtime.occupy(1)
        let ran = Tally()
        let late = try runtime.post(deadline: MonotonicInstant(nanoseconds: 1_200)) { () -> Int in
            ran.add()
            return 1
        }
        let inTime = try runtime.post(deadline: MonotonicInstant(nanoseconds: 9_000)) { 1 }
        time.advance(by: .nanoseconds(201))
        release.open()
        let settled = try #require(outcome(of: late))
        guard case .timedOut = settled else {
            Issue.record("\(settled)")
            return
        }
        #expect(throws: GyreError.self) { try settled.get() }
        #expect(outcome(of: inTime)?.value == 1)
        runtime.finish()
        #expect(runtime.snapshot().tasksLate == 1)
    }

    @Test func whatAWorkerQueuesStartsInOrderWhereNobodySteals() throws {
        let runtime = try makeRuntime(workers: 1)
        let order = Order()
        let root = try runtime.post { () throws -> Bool in
            for number in 0..<200 { try runtime.post { order.append(number) } }
            return true
        }
        #expect(outcome(of: root)?.value == true)
        runtime.finish()
        #expect(order.numbers == Array(0..<200))
    }

    @Test func highComesBeforeNormalBeforeLowBeforeBackground() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let order = Order()
        for lane in Lane.allCases.reversed() {
            for _ in 0..<5 { try runtime.post(lane: lane) { order.append(Int(lane.rawValue)) } }
        }
        release.open()
        runtime.finish()
        #expect(order.numbers == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3])
    }
}

/// Counts how many of its kind live.
final class Life: Sendable {
    private let lives: Tally
    init(_ lives: Tally) {
        self.lives = lives
        lives.add()
    }
    deinit { lives.add(-1) }
}

/// What a C function marks; it lives as long as the test.
private final class Target: Sendable {
    private let words: [Word]
    final class Word: Sendable {
        let marks: Marks
        let item: Int
        init(_ marks: Marks, _ item: Int) {
            self.marks = marks
            self.item = item
        }
    }

    init(marks: Marks) { words = (0..<marks.count).map { Word(marks, $0) } }

    func word(_ item: Int) -> UInt64 { UInt64(UInt(bitPattern: Unmanaged.passUnretained(words[item]).toOpaque())) }
}

extension Runtime {
    fileprivate func fireUntilTaken(_ word: UInt64) {
        while true {
            do {
                return try fire(
                    { word in
                        guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
                        let target = Unmanaged<Target.Word>.fromOpaque(pointer).takeUnretainedValue()
                        target.marks.mark(target.item)
                    }, word)
            } catch .full {
                continue
            } catch {
                Issue.record("refused: \(error)")
                return
            }
        }
    }
}
