import Glibc
import GyreCore

/// How fast work is offered.
public enum Pace: Sendable, Equatable {
    /// Open loop: so many operations a second, at instants that are fixed before the first of them. An operation that
    /// is late keeps its intended start, so that a stall is in the figures of all that it held up ("coordinated
    /// omission" is what Gil Tene calls leaving it out).
    case open(perSecond: Double)
    /// Closed loop: the next one as soon as there is room. It shows throughput; it cannot show what a caller waits.
    case closed
}

/// The two instants from which an operation's times are taken.
public struct LoadStamp: Sendable, BitwiseCopyable {
    /// When it should have begun. The response time counts from here.
    public let intended: MonotonicInstant
    /// When it did begin. The service time counts from here.
    public let begun: MonotonicInstant
    /// Its number, for the proof that what ended is what began.
    public let number: UInt64
}

/// Takes the times of operations as they end.
///
/// - Concurrency: ``complete(_:)`` from any thread, lock-free.
public final class LoadMeter: Sendable {
    public let clock: MonotonicClock
    private let response: [HistogramCell]
    private let service: [HistogramCell]
    private let digest = StripedCounter()

    /// Threads that end operations meet in one histogram only by chance.
    private static let stripes = 8

    /// - Parameter clock: Of the stamps that it will be given.
    public init(clock: MonotonicClock) {
        self.clock = clock
        response = (0..<Self.stripes).map { _ in HistogramCell() }
        service = (0..<Self.stripes).map { _ in HistogramCell() }
    }

    /// An operation has ended, now.
    public func complete(_ stamp: LoadStamp) {
        let now = clock.now
        let stripe = Int(truncatingIfNeeded: stamp.number) % Self.stripes
        response[stripe].recordShared(nanoseconds: now.nanoseconds(since: stamp.intended))
        service[stripe].recordShared(nanoseconds: now.nanoseconds(since: stamp.begun))
        digest.add(Self.trace(of: stamp.number))
    }

    /// What an operation leaves in the sum: a lost one and a doubled one do not make up for each other.
    static func trace(of number: UInt64) -> UInt64 { (number &+ 1) &* 0x9E37_79B9_7F4A_7C15 >> 20 }

    var digestValue: UInt64 { digest.value }
    var responseTimes: LatencyHistogram { Self.merged(response) }
    var serviceTimes: LatencyHistogram { Self.merged(service) }

    private static func merged(_ cells: [HistogramCell]) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for cell in cells { cell.read(into: &histogram) }
        return histogram
    }
}
