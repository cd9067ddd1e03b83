import Gyre
import GyreCore
import Testing

@Suite struct CancelTests {
    @Test func aQueuedTaskIsSettledAtOnceAndNeverRuns() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let ran = Tally()
        let handle = try runtime.post { () -> Int in
            ran.add()
            return 1
        }
        #expect(handle.outcome == nil)
        #expect(handle.cancel())
        #expect(isCancelled(handle.outcome, .user))
        #expect(!handle.cancel(), "it is settled")
        release.open()
        runtime.finish()
        #expect(ran.count == 0)
        #expect(isCancelled(handle.outcome, .user))
    }

    @Test func aQueuedAsyncTaskIsSettledAtOnceAndNeverRuns() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let ran = Tally()
        let handle = try runtime.post { () async throws -> Int in
            ran.add()
            return 1
        }
        #expect(handle.cancel())
        #expect(isCancelled(handle.outcome, .user))
        #expect(!handle.cancel())
        release.open()
        runtime.finish()
        #expect(ran.count == 0)
    }

    @Test func aRunningBodySeesItAndItsValueStands() throws {
        let runtime = try makeRuntime(workers: 1)
        let started = Latch()
        let handle = try runtime.post { () -> Bool in
            let before = AgentTask.isCancelled
            started.open()
            return eventually { AgentTask.isCancelled } && !before
        }
        #expect(started.wait())
        #expect(handle.cancel())
        #expect(!handle.cancel(), "it was asked before")
        #expect(outcome(of: handle)?.value == true)
        let next = try runtime.post { AgentTask.isCancelled }
        #expect(outcome(of: next)?.value == false, "the next task is another one")
        #expect(!AgentTask.isCancelled, "outside tasks nothing is cancelled")
        runtime.finish()
    }

    @Test func aRunningBodysErrorIsPassedOnThoughItWasAsked() throws {
        let runtime = try makeRuntime(workers: 1)
        let started = Latch()
        let handle = try runtime.post { () throws -> Int in
            started.open()
            _ = eventually { AgentTask.isCancelled }
            throw Failure(number: 3)
        }
        #expect(started.wait())
        #expect(handle.cancel())
        #expect(throws: Failure(number: 3)) { try outcome(of: handle)?.get() }
        runtime.finish()
    }

    /// What a worker runs while a body waits is not that body.
    @Test func aTaskThatIsRunByOneThatWaitsIsNotCancelledWithIt() throws {
        let runtime = try makeRuntime(workers: 1)
        let answers = Lock<[Bool]>([])
        let started = Latch()
        let go = Latch()
        let outer = try runtime.post { () throws -> Bool in
            started.open()
            _ = eventually { AgentTask.isCancelled }
            try runtime.post { answers.withLock { $0.append(AgentTask.isCancelled) } }
            let inner = try runtime.post { AgentTask.isCancelled }
            let innerIsCancelled = try inner.wait()
            answers.withLock { $0.append(innerIsCancelled) }
            go.open()
            return AgentTask.isCancelled
        }
        #expect(started.wait())
        outer.cancel()
        #expect(go.wait())
        #expect(outcome(of: outer)?.value == true)
        runtime.finish()
        #expect(answers.withLock { $0 } == [false, false])
    }

    @Test func aRunningAsyncBodyIsCancelled() throws {
        let runtime = try makeRuntime(workers: 1)
        let started = Latch()
        let handle = try runtime.post { () async throws -> Int in
            started.open()
            while !Task.isCancelled { await Task.yield() }
            try Task.checkCancellation()
            return 1
        }
        #expect(started.wait())
        #expect(handle.cancel())
        let settled = try #require(outcome(of: handle))
        #expect(isCancelled(settled, .user))
        #expect(throws: GyreError.self) { try settled.get() }
        #expect(!handle.cancel())
        runtime.finish()
    }

    @Test func aSuspendedAsyncBodyIsCancelled() throws {
        let runtime = try makeRuntime(workers: 1)
        let sleeper = Sleeper()
        let handle = try runtime.post { () async throws -> Int in
            try await sleeper.sleep()
            return 1
        }
        #expect(eventually { sleeper.isAsleep })
        #expect(handle.cancel())
        #expect(isCancelled(outcome(of: handle), .user))
        runtime.finish()
    }

    @Test func anAsyncBodyThatIgnoresItKeepsItsValue() throws {
        let runtime = try makeRuntime(workers: 1)
        let started = Latch()
        let handle = try runtime.post { () async throws -> Int in
            started.open()
            while !Task.isCancelled { await Task.yield() }
            return 5
        }
        #expect(started.wait())
        #expect(handle.cancel())
        #expect(outcome(of: handle)?.value == 5)
        runtime.finish()
    }

    /// A Swift task stays cancelled, so a runner that was cancelled must not get another body.
    @Test func noCancelReachesTheNextBodyOfARunner() throws {
        let runtime = try makeRuntime(workers: 1)
        let hit = Tally()
        for round in 0..<300 {
            let started = Latch()
            let first = try runtime.post { () async throws -> Int in
                if Task.isCancelled { hit.add() }
                started.open()
                return round
            }
            #expect(started.wait())
            first.cancel()  // running, or over already: both sides of the race
            let second = try runtime.post { () async throws -> Bool in Task.isCancelled }
            #expect(outcome(of: second)?.value == false)
            #expect(outcome(of: first) != nil)
        }
        #expect(hit.count == 0)
        runtime.finish()
    }

    @Test func aSettledTaskKeepsItsOutcome() throws {
        let runtime = try makeRuntime()
        let done = try runtime.post { 4 }
        let failed = try runtime.post { () throws -> Int in throw Failure(number: 1) }
        let async = try runtime.post { () async throws -> Int in 6 }
        #expect(outcome(of: done)?.value == 4)
        #expect(outcome(of: failed) != nil)
        #expect(outcome(of: async)?.value == 6)
        #expect(!done.cancel())
        #expect(!failed.cancel())
        #expect(!async.cancel())
        #expect(done.outcome?.value == 4)
        #expect(throws: Failure(number: 1)) { try failed.outcome?.get() }
        #expect(async.outcome?.value == 6)
        runtime.finish()
    }

    /// Two cancellers and a worker meet in each task. Whoever wins, the task settles once: it ran and has its value,
    /// or it did not run and is cancelled.
    @Test func aCancelAndAStartRaceToOneOutcome() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 64)
        let count = 5_000
        let marks = Marks(count)
        let lives = Tally()
        let shared = Shelf<TaskHandle<Int>>(count)
        try onThreads(3) { me in
            for item in 0..<count {
                guard me == 0 else {
                    guard eventually({ shared[item] != nil }) else { return }
                    shared[item]?.cancel()
                    continue
                }
                let life = Life(lives)
                do {
                    let handle = try runtime.post(whenFull: .wait) {
                        withExtendedLifetime(life) { marks.mark(item) }
                        return item
                    }
                    shared.put(handle, at: item)
                } catch {
                    Issue.record("refused: \(error)")
                }
            }
        }
        for item in 0..<count {
            guard let handle = shared[item] else { continue }
            let settled = outcome(of: handle)
            if marks[item] == 1 {
                #expect(settled?.value == item)
            } else {
                #expect(marks[item] == 0)
                #expect(isCancelled(settled, .user))
            }
        }
        runtime.finish()
        #expect(lives.count == 0, "a body is released once, run or not")
    }

    // MARK: - Tickets

    @Test func aTicketTakesAQueuedTaskBackOnce() throws {
        let runtime = try makeRuntime(workers: 1)
        let release = try runtime.occupy(1)
        let ran = Tally()
        let ticket = try runtime.fireCancellable(countUp, ran.word)
        let other = try runtime.fireCancellable(countUp, ran.word)
        #expect(runtime.cancel(ticket))
        #expect(!runtime.cancel(ticket))
        release.open()
        runtime.finish()
        #expect(ran.count == 1)
        #expect(runtime.snapshot().tasksCancelled == 1)
        #expect(!runtime.cancel(other), "it has ended")
    }

    @Test func aTicketOfAStartedTaskIsRefused() throws {
        let runtime = try makeRuntime(workers: 1)
        let gate = StartedGate()
        let ticket = try runtime.fireCancellable(
            { word in
                guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
                let gate = Unmanaged<StartedGate>.fromOpaque(pointer).takeUnretainedValue()
                gate.started.open()
                gate.release.wait()
            }, UInt64(UInt(bitPattern: Unmanaged.passUnretained(gate).toOpaque())))
        #expect(gate.started.wait())
        #expect(!runtime.cancel(ticket))
        gate.release.open()
        runtime.finish()
        #expect(runtime.snapshot().tasksCancelled == 0)
    }

    /// The records of a small pool are used again and again; a ticket that outlived its task touches none of the
    /// later ones.
    @Test func aStaleTicketNeverTouchesTheTaskThatHasItsRecordNow() throws {
        let runtime = try makeRuntime(workers: 1, inFlight: 2)
        let ran = Tally()
        var stale: [TaskTicket] = []
        for round in 1...200 {
            stale.append(try runtime.fireCancellable(countUp, ran.word))
            #expect(eventually { ran.count == round })
        }
        #expect(eventually { runtime.snapshot().recordsInFlight == 0 })
        let release = try runtime.occupy(1)
        for _ in 0..<20 { stale.append(try runtime.fireCancellable(countUp, ran.word)) }
        for ticket in stale.prefix(200) { #expect(!runtime.cancel(ticket)) }
        release.open()
        runtime.finish()
        #expect(ran.count == 220)
    }
}

private final class StartedGate: Sendable {
    let started = Latch()
    let release = Latch()
}

func isCancelled<Value>(_ outcome: Outcome<Value>?, _ reason: CancelReason) -> Bool {
    if case .cancelled(let found)? = outcome { return found == reason }
    return false
}

/// Counts up the tally whose address is the word.
let countUp: @convention(c) (UInt64) -> Void = { word in
    guard let pointer = UnsafeRawPointer(bitPattern: UInt(word)) else { return }
    Unmanaged<Tally>.fromOpaque(pointer).takeUnretainedValue().add()
}

extension Tally {
    /// Its address; whoever passes it on keeps the tally alive.
    var word: UInt64 { UInt64(UInt(bitPattern: Unmanaged.passUnretained(self).toOpaque())) }
}
