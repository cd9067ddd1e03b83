import CGyre
import Glibc
import Synchronization
import Testing

@testable import GyreCore

/// System calls that a signal ends early. Each signal comes while the thread sleeps in the kernel, so each ends a call.
@Suite(.serialized) struct SignalTests {
    /// Signals arrive while a file is being read: it is read on. The file is a pipe, so that the reader has to wait.
    @Test func signalsDoNotEndReading() throws {
        let tree = try FileTree(["/sys/devices/system/cpu/online": "0\n"])
        let path = tree.root + "/sys/devices/system/cpu/possible"
        #expect(mkfifo(path, 0o600) == 0)
        let pipe = open(path, O_RDWR | O_CLOEXEC)
        #expect(pipe >= 0)
        let configured = Lock(0)
        let root = tree.root
        let reader = try SignalledThread {
            let count = CPUTopology(root: root).configuredCPUs
            configured.withLock { $0 = count }
        }
        #expect(reader.interrupt(times: 20) == 20)
        // A full buffer ends the reading: nobody closes this pipe for writing.
        let text = "0-3,\n" + String(repeating: " ", count: 4_200)
        #expect(write(pipe, text, text.utf8.count) == text.utf8.count)
        reader.join()
        close(pipe)
        #expect(configured.withLock { $0 } == 4)
    }

    /// The pause of the calibration is interrupted again and again, and still lasts.
    @Test func signalsDoNotSpoilTheCalibration() throws {
        let drifts = Lock<[Double]>([])
        let isEnough = Atomic(false)
        let thread = try SignalledThread {
            while !isEnough.load(ordering: .relaxed) {
                guard let clock = gyre_clock_create(GYRE_CLOCK_AUTO, 0) else { return }
                let (time, truth) = (gyre_clock_now(clock), monotonicNanoseconds())
                while monotonicNanoseconds() < truth + 2_000_000 {}
                let (passed, real) = (gyre_clock_now(clock) - time, monotonicNanoseconds() - truth)
                drifts.withLock { $0.append(Double(passed) / Double(real)) }
                gyre_clock_destroy(clock)
            }
        }
        #expect(thread.interrupt(times: 20) == 20)
        isEnough.store(true, ordering: .relaxed)
        thread.join()
        // The thread may lose the processor between two readings; most times it does not.
        let (all, exact) = drifts.withLock { ($0.count, $0.count { abs($0 - 1) < 0.01 }) }
        #expect(all > 0 && exact * 2 >= all, "\(exact) of \(all)")
    }

    @Test func aSignalEndsASleepAndNobodyTakesItForAWake() throws {
        let word = FutexWord()
        let waits = Atomic(0)
        let sleeper = try SignalledThread {
            while word.value == 0 {
                if gyre_futex_wait(word.pointer, 0, .max) == GYRE_FUTEX_LOOK { waits.add(1, ordering: .relaxed) }
            }
        }
        #expect(sleeper.interrupt(times: 20) == 20)
        word.value = 1
        gyre_futex_wake(word.pointer, 1)
        sleeper.join()
        #expect(waits.load(ordering: .relaxed) >= 20)
    }
}

/// A word to sleep on, 0 at first.
private final class FutexWord: @unchecked Sendable {  // every access to the word is atomic
    private let word = UnsafeMutablePointer<Atomic<UInt32>>.allocate(capacity: 1)

    init() { word.initialize(to: Atomic(0)) }
    deinit { word.deallocate() }

    var pointer: UnsafeMutablePointer<gyre_atomic_u32> {
        UnsafeMutableRawPointer(word).assumingMemoryBound(to: gyre_atomic_u32.self)
    }

    var value: UInt32 {
        get { word.pointee.load(ordering: .acquiring) }
        set { word.pointee.store(newValue, ordering: .releasing) }
    }
}

/// A thread that can be interrupted: calls that sleep then fail with EINTR.
private final class SignalledThread: Sendable {
    private let thread: PosixThread
    private let state: State

    private final class State: Sendable {
        let kernelID = Atomic<Int32>(0)
        let identifier = Atomic<UInt>(0)
        let hasEnded = Atomic(false)
    }

    init(_ body: @escaping @Sendable () -> Void) throws {
        var action = sigaction()
        // Without SA_RESTART: the kernel would continue the call by itself.
        action.__sigaction_handler.sa_handler = { _ in handled.add(1, ordering: .relaxed) }
        precondition(sigaction(SIGURG, &action, nil) == 0)
        _ = handled.load(ordering: .relaxed)  // made before a handler needs it
        let state = State()
        self.state = state
        thread = try PosixThread(name: "signalled") {
            // Threads of the concurrency runtime, one of which runs this test, block all signals and pass that on.
            var signals = sigset_t()
            sigemptyset(&signals)
            sigaddset(&signals, SIGURG)
            pthread_sigmask(SIG_UNBLOCK, &signals, nil)
            state.identifier.store(UInt(pthread_self()), ordering: .relaxed)
            state.kernelID.store(gyre_cpu_thread(), ordering: .releasing)
            body()
            state.hasEnded.store(true, ordering: .releasing)
        }
    }

    /// Sends signals, each when the thread sleeps, until there were so many or the thread ends. Returns how many.
    func interrupt(times: Int) -> Int {
        var count = 0
        while count < times, waitUntilAsleep() {
            let before = handled.load(ordering: .relaxed)
            guard pthread_kill(pthread_t(state.identifier.load(ordering: .relaxed)), SIGURG) == 0 else { break }
            while handled.load(ordering: .relaxed) == before, !hasEnded { sched_yield() }
            count += 1
        }
        return count
    }

    func join() { thread.join() }

    private var hasEnded: Bool { state.hasEnded.load(ordering: .acquiring) }

    /// False when it has ended instead.
    private func waitUntilAsleep() -> Bool {
        while !hasEnded {
            let kernelID = state.kernelID.load(ordering: .acquiring)
            if kernelID != 0, Self.isAsleep(kernelID) { return true }
            sched_yield()
        }
        return false
    }

    /// The kernel's word: `S` stands behind the name, which is in parentheses.
    private static func isAsleep(_ kernelID: Int32) -> Bool {
        guard let file = fopen("/proc/self/task/\(kernelID)/stat", "re") else { return false }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 512)
        guard fgets(&line, 512, file) != nil else { return false }
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return false }
        return text[end...].dropFirst(2).first == "S"
    }
}

private func monotonicNanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Signals that were handled.
private let handled = Atomic(0)
