internal import CGyre
internal import Synchronization

/// What a timer calls when its time has come, on the timer thread: short, and it must not block.
package typealias TimerFunction = @convention(c) (_ word0: UInt64, _ word1: UInt64) -> Void

/// Names one timer. A token that outlived its timer is refused.
package struct TimerToken: Sendable, Hashable {
    /// For who has no room for more than a word.
    package let rawValue: UInt64

    package init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Names no timer.
    package static let none = TimerToken(rawValue: 0)
}

/// All timers of a runtime: one timing wheel (gyre_timer.h), and one thread that sleeps until the next is due.
///
/// A waiting timer costs 64 bytes and no thread. The thread starts with the first timer. Workers could turn the wheel
/// between two tasks instead, but then a long task would hold up all timers although other workers sleep.
///
/// `@unchecked Sendable`: the wheel is lock-free; the rest is atomics and a lock.
package final class TimerService: @unchecked Sendable {
    private let wheel: OpaquePointer
    private let clock: MonotonicClock
    private let wake = EventCount()
    private let closed = Atomic<Bool>(false)
    private let isRunning = Atomic<Bool>(false)
    private let thread = Lock<PosixThread?>(nil)

    /// Timers that may wait at once. Address space is reserved for all, memory is used as they are.
    package static let capacity: UInt32 = 1 << 21

    /// The end of time: GYRE_TIMER_NEVER, which is too wide a literal for the importer.
    private static let never = UInt64.max

    /// - Parameter isDriven: No thread is started; timers fire in ``fireDue()`` only.
    package init(clock: MonotonicClock, isDriven: Bool = false) {
        guard let wheel = gyre_timer_create(Self.capacity, clock.now.nanoseconds) else {
            fatalError("no address space for \(Self.capacity) timers of 64 bytes")
        }
        self.wheel = wheel
        self.clock = clock
        isRunning.store(isDriven, ordering: .relaxed)  // nobody else has it yet
    }

    deinit { gyre_timer_destroy(wheel) }

    /// Whether ``close()`` was called: timers that fire from then on were not due.
    package var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// Timers that wait.
    package var waiting: UInt64 { gyre_timer_waiting(wheel) }

    /// Calls `function` with two words at `due` or soon after, never before.
    ///
    /// - Throws: ``SubmitError/full`` when all timers are in use, or the timer thread cannot be started;
    ///   ``SubmitError/closed`` after ``close()``.
    /// - Concurrency: Any thread. Lock-free, but for the first call, which starts the thread.
    package func insert(
        due: MonotonicInstant, _ function: TimerFunction, _ word0: UInt64, _ word1: UInt64
    ) throws(SubmitError) -> TimerToken {
        var token = TimerToken.none
        try insert(due: due, function, word0, word1, token: &token)
        return token
    }

    /// The same, with the token where the function may look for it: it is written before the timer can fire.
    package func insert(
        due: MonotonicInstant, _ function: TimerFunction, _ word0: UInt64, _ word1: UInt64,
        token: UnsafeMutablePointer<TimerToken>
    ) throws(SubmitError) {
        if !isRunning.load(ordering: .acquiring) { try startThread() }
        var mustWake = false
        let isInserted = token.withMemoryRebound(to: UInt64.self, capacity: 1) {
            gyre_timer_insert(wheel, due.nanoseconds, function, word0, word1, $0, &mustWake)
        }
        guard isInserted else { throw .full }
        if mustWake { wake.notifyAll() }
        // A close that came in between may have turned the wheel for the last time before it saw this timer.
        if isClosed, cancel(token.pointee) { throw .closed }
    }

    /// True when the timer will not fire: what its words stand for is the caller's again.
    ///
    /// - Concurrency: Any thread. Lock-free.
    package func cancel(_ token: TimerToken) -> Bool { gyre_timer_cancel(wheel, token.rawValue) }

    /// Fires all timers that wait and ends the thread. Whoever is called can tell by ``isClosed``.
    package func close() {
        closed.store(true, ordering: .releasing)
        wake.notifyAll()
        let started = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        started?.join()
        turn(Self.never)
    }

    /// Fires on the calling thread what is due by the clock, in order of due time, then of the inserts.
    package func fireDue() { turn(clock.now.nanoseconds) }

    /// No timer is due before; exact, unless the first was cancelled. `nil` when none waits.
    package var nextDue: MonotonicInstant? {
        let next = gyre_timer_next_due(wheel)
        return next == Self.never ? nil : MonotonicInstant(nanoseconds: next)
    }

    private func startThread() throws(SubmitError) {
        let isStarted = thread.withLock { thread in
            if thread != nil || isClosed { return true }
            do {
                thread = try PosixThread(name: "gyre-timer") { [self] in work() }
            } catch {
                return false
            }
            isRunning.store(true, ordering: .releasing)
            return true
        }
        guard isStarted else { throw .full }
    }

    private func work() {
        while !isClosed {
            turn(clock.now.nanoseconds)
            let next = gyre_timer_next_due(wheel)
            let deadline = next == Self.never ? nil : MonotonicInstant(nanoseconds: next)
            // An earlier timer ends the wait too: it brings a deadline of its own.
            wake.wait(until: deadline, clock: clock) {
                self.isClosed || gyre_timer_next_due(self.wheel) < next
                    || gyre_timer_wants_advance(self.wheel, self.clock.now.nanoseconds)
            }
        }
    }

    /// Fires what is due at `now`.
    private func turn(_ now: UInt64) {
        _ = gyre_timer_advance(
            wheel, now,
            { _, fired in
                guard let fired else { return }
                fired.pointee.function(fired.pointee.word0, fired.pointee.word1)
            }, nil)
    }
}
