import CGyre
import Testing

@Suite struct RecordTests {
    @Test func aGenerationEndsWithItsTask() {
        let record = Record()
        for round: UInt64 in 0..<5 {
            let generation = gyre_record_begin(record.pointer, round % 2 == 0)
            #expect(generation == round)
            #expect(gyre_record_is_current(record.pointer, generation))
            #expect(gyre_record_start(record.pointer))
            gyre_record_end(record.pointer)
            #expect(!gyre_record_is_current(record.pointer, generation))
        }
    }

    @Test func aQueuedTaskIsCancelledOnceAndDoesNotStart() {
        let record = Record()
        let generation = gyre_record_begin(record.pointer, true)
        #expect(gyre_record_cancel(record.pointer, generation))
        #expect(!gyre_record_cancel(record.pointer, generation))
        #expect(!gyre_record_start(record.pointer))
        gyre_record_end(record.pointer)
        #expect(!gyre_record_cancel(record.pointer, generation))
    }

    @Test func aStartedTaskCannotBeCancelled() {
        let record = Record()
        let generation = gyre_record_begin(record.pointer, true)
        #expect(gyre_record_start(record.pointer))
        #expect(!gyre_record_cancel(record.pointer, generation))
    }

    @Test func aTaskThatWasNotMadeSoCannotBeCancelled() {
        let record = Record()
        let generation = gyre_record_begin(record.pointer, false)
        #expect(!gyre_record_cancel(record.pointer, generation))
        #expect(gyre_record_start(record.pointer))
    }

    @Test func aStaleTokenTouchesNoLaterTask() {
        let record = Record()
        var stale: [UInt64] = []
        for _ in 0..<10 {
            stale.append(gyre_record_begin(record.pointer, true))
            #expect(gyre_record_start(record.pointer))
            gyre_record_end(record.pointer)
        }
        let present = gyre_record_begin(record.pointer, true)
        for token in stale { #expect(!gyre_record_cancel(record.pointer, token)) }
        #expect(!gyre_record_cancel(record.pointer, present + 1), "nor does one of the future")
        #expect(gyre_record_start(record.pointer))
    }

    @Test func whatIsWrittenIsRead() {
        let record = Record()
        let function: gyre_task_function = { _, _ in }
        gyre_record_write(record.pointer, function, 1, 2, 3, true)
        gyre_record_words(record.pointer)[0] = 4
        gyre_record_words(record.pointer)[1] = 5
        #expect(gyre_record_submitted(record.pointer) == 1)
        #expect(gyre_record_ready(record.pointer) == 2)
        #expect(gyre_record_deadline(record.pointer) == 3)
        #expect(gyre_record_is_step(record.pointer))
        #expect(gyre_record_words(record.pointer)[1] == 5)
    }

    /// A worker starts and a canceller cancels, many times: of each task one of them has its way, never both, never
    /// none.
    @Test func aStartAndACancelNeverBothWin() {
        let record = Record()
        let started = Plain(count: 1)
        let cancelled = Plain(count: 1)
        let wrong = Tally()
        let line = StartLine(2)
        onThreads(2) { me in
            for round: UInt64 in 0..<10_000 {
                if me == 0 { _ = gyre_record_begin(record.pointer, true) }
                line.wait()
                if me == 0 {
                    started[0] = gyre_record_start(record.pointer) ? 1 : 0
                } else {
                    cancelled[0] = gyre_record_cancel(record.pointer, round) ? 1 : 0
                }
                line.wait()
                if me == 0 {
                    if started[0] + cancelled[0] != 1 { wrong.add() }
                    gyre_record_end(record.pointer)
                }
            }
        }
        #expect(wrong.count == 0)
    }
}

private final class Record: @unchecked Sendable {  // its state is an atomic
    private let memory = CacheAligned(bytes: 64)
    var pointer: OpaquePointer { memory.opaque }
}
