import Glibc
import GyreCore
import Synchronization

/// One run of a load: threads that begin operations, and a meter that hears of their ends.
public struct LoadRun: Sendable {
    public let pace: Pace
    /// For how long operations are begun.
    public let duration: Duration
    /// Threads that begin them. Of an open loop each has every n-th operation.
    public let producers: Int

    /// What became of an operation that was to begin.
    public enum Offer: Sendable {
        /// It began, and ends with ``LoadMeter/complete(_:)``.
        case accepted
        /// There was no room. Nothing was left behind.
        case refused
    }

    /// A run that proves nothing.
    public enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        /// Operations that began and had not ended when waiting was given up.
        case unfinished(began: UInt64, ended: UInt64)
        /// As many ended as began, but not the same ones.
        case changed
        /// The system would not start a thread.
        case noThread(code: Int32)

        public var description: String {
            switch self {
            case .unfinished(let began, let ended): "\(began) operations began, \(ended) ended"
            case .changed: "the operations that ended are not those that began"
            case .noThread(let code): "a thread could not be started: error \(code)"
            }
        }
    }

    public init(pace: Pace, duration: Duration, producers: Int) {
        self.pace = pace
        self.duration = duration
        self.producers = producers
    }

    /// Offers operations for ``duration``, then waits for those that began.
    ///
    /// - Parameters:
    ///   - meter: New, and told of every end by what `offer` begins.
    ///   - patience: How long the last operations may take after the end.
    ///   - isInterrupted: Asked by the producers now and then; true ends the run early.
    ///   - offer: Begins an operation, on the thread of a producer.
    /// - Throws: ``Failure`` when an operation was lost, doubled or changed.
    public func measure(
        _ meter: LoadMeter, patience: Duration = .seconds(30), isInterrupted: @escaping @Sendable () -> Bool,
        offer: @escaping @Sendable (LoadStamp) -> Offer
    ) throws(Failure) -> LoadResult {
        let clock = meter.clock
        let tallies = (0..<producers).map { _ in Tally() }
        let started = clock.now + .milliseconds(1)
        // When one of the threads does not start, the others end at once instead of after the whole duration.
        let callOff = CallOff()
        var threads: [PosixThread] = []
        var refusal: Int32?
        for index in 0..<producers where refusal == nil {
            do {
                threads.append(
                    try PosixThread(name: "gyre-load-\(index)") {
                        produce(
                            index, from: started, into: tallies[index], meter,
                            isInterrupted: { callOff.isMade.load(ordering: .relaxed) || isInterrupted() }, offer: offer)
                    })
            } catch {
                refusal = error.code
                callOff.isMade.store(true, ordering: .relaxed)
            }
        }
        for thread in threads { thread.join() }
        if let refusal { throw .noThread(code: refusal) }
        let began = tallies.reduce(0) { $0 + $1.accepted }
        let digest = tallies.reduce(0) { $0 &+ $1.digest }
        // All three: an operation that ends is counted in one of them after the other.
        let giveUp = clock.now + patience
        while meter.responseTimes.count < began || meter.serviceTimes.count < began || meter.digestValue != digest,
            clock.now < giveUp
        { usleep(500) }
        let (response, service) = (meter.responseTimes, meter.serviceTimes)
        guard response.count == began else { throw .unfinished(began: began, ended: response.count) }
        guard service.count == began, meter.digestValue == digest else { throw .changed }
        let end = tallies.map(\.ended).max() ?? started
        return LoadResult(
            accepted: began, refused: tallies.reduce(0) { $0 + $1.refused }, elapsed: started.duration(to: end),
            response: response, service: service)
    }

    private final class CallOff: Sendable {
        let isMade = Atomic(false)
    }

    /// What one producer did; read when its thread has ended.
    ///
    /// `@unchecked Sendable`: the thread writes, and whoever joined it reads.
    private final class Tally: @unchecked Sendable {
        var accepted: UInt64 = 0
        var refused: UInt64 = 0
        var digest: UInt64 = 0
        var ended = MonotonicInstant.distantPast
    }

    private func produce(
        _ producer: Int, from started: MonotonicInstant, into tally: Tally, _ meter: LoadMeter,
        isInterrupted: () -> Bool, offer: (LoadStamp) -> Offer
    ) {
        let end = started + duration
        var number = UInt64(producer)
        wait(until: started, meter.clock)
        while true {
            let intended = intendedStart(of: number, from: started) ?? meter.clock.now
            guard intended < end else { break }
            wait(until: intended, meter.clock)
            // Asking costs less than an operation, but not nothing.
            if number / UInt64(producers) % 64 == 0, isInterrupted() { break }
            let begun = pace == .closed ? intended : meter.clock.now
            switch offer(LoadStamp(intended: intended, begun: begun, number: number)) {
            case .accepted:
                tally.accepted += 1
                tally.digest &+= LoadMeter.trace(of: number)
            case .refused: tally.refused += 1
            }
            number += UInt64(producers)
        }
        tally.ended = meter.clock.now
    }

    /// `nil` in a closed loop, where an operation is meant to begin when it does.
    private func intendedStart(of number: UInt64, from started: MonotonicInstant) -> MonotonicInstant? {
        guard case .open(let perSecond) = pace else { return nil }
        // A duration of this many years is later than any end, and fits its type.
        return started + .nanoseconds(Int64(min(Double(number) * 1e9 / perSecond, 0x1p62)))
    }

    /// Sleeps while there is time, then offers its core to others until it is time: a producer that kept its core
    /// would hold up the very workers that it measures when there are fewer cores than threads.
    private func wait(until instant: MonotonicInstant, _ clock: MonotonicClock) {
        // A sleeper wakes up to 50 microseconds late, the timer slack of the kernel, and a while for the wake itself.
        let margin: UInt64 = 200_000
        while true {
            let left = instant.nanoseconds(since: clock.now)
            if left == 0 { return }
            if left > margin { usleep(UInt32(clamping: (left - margin) / 1_000)) } else { sched_yield() }
        }
    }
}

/// What a run showed.
public struct LoadResult: Sendable {
    /// Operations that began; all of them ended.
    public var accepted: UInt64
    /// Operations for which there was no room.
    public var refused: UInt64
    /// From the first intended start to the end of the last producer.
    public var elapsed: Duration
    /// From the intended start of each operation to its end.
    public var response: LatencyHistogram
    /// From its actual start to its end.
    public var service: LatencyHistogram

    /// Operations that ended, for each second.
    public var perSecond: Double {
        let nanoseconds = Double(elapsed.wholeNanoseconds)
        return nanoseconds > 0 ? Double(accepted) * 1e9 / nanoseconds : 0
    }

    /// Both runs as one.
    public mutating func merge(_ other: LoadResult) {
        accepted += other.accepted
        refused += other.refused
        elapsed += other.elapsed
        response.merge(other.response)
        service.merge(other.service)
    }
}
