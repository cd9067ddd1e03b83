public import GyreCore

/// What happened, with the instant of a clock, in the order in which it was recorded.
///
/// - Concurrency: Safe from any thread.
public final class EventLog<Value: Sendable>: Sendable {
    public struct Event: Sendable {
        public let instant: MonotonicInstant
        public let value: Value
    }

    private let clock: MonotonicClock
    private let recorded = Lock<[Event]>([])

    public init(_ clock: MonotonicClock) {
        self.clock = clock
    }

    public func record(_ value: Value) {
        // The clock is read inside: instants never run against the order.
        recorded.withLock { $0.append(Event(instant: clock.now, value: value)) }
    }

    public var events: [Event] { recorded.withLock { $0 } }
    public var values: [Value] { events.map(\.value) }
}

extension EventLog.Event: Equatable where Value: Equatable {}
