internal import Glibc
import GyreCore
public import GyrePolicy

/// What goes wrong at the services that a program calls, as a value: for each call it says what happens to it.
///
/// ```swift
/// let plan = FaultPlan(seed: 7, [
///     .init("stock", .calls(3...5), .fail(.transient)),
///     .init("price", .share(0.1), .throttle(retryAfter: .milliseconds(50))),
///     .init(nil, .all, .delay(.milliseconds(1) ... .milliseconds(4))),
/// ])
/// ```
///
/// The answer depends on the seed, the rules, the service and the number of the call, and on nothing else: neither on
/// the order in which threads ask nor on what was asked before. Whoever counts calls as they come has the same faults
/// in each run, at calls that chance may exchange; whoever makes the number from what is asked for and the number of
/// the attempt (``number(of:attempt:)``) has the same faults at the same calls.
public struct FaultPlan: Sendable, Hashable {
    /// What happens to one call: how long it takes on top of what it takes, and what it fails with then.
    public struct Fault: Sendable, Hashable {
        public var delay: Duration
        /// `nil` when it succeeds.
        public var failure: ErrorClass?

        public init(delay: Duration = .zero, failure: ErrorClass? = nil) {
            self.delay = delay
            self.failure = failure
        }

        public static let none = Fault()
    }

    /// Which calls a rule is about.
    public enum Selection: Sendable, Hashable {
        case all
        /// Calls by number; the first is 1.
        case calls(ClosedRange<UInt64>)
        /// Numbers that are multiples of this. 0 selects none.
        case every(UInt64)
        /// This share of the calls, each by chance, from 0 to 1.
        case share(Double)

        /// The one call of this number.
        public static func call(_ number: UInt64) -> Selection { .calls(number...number) }
    }

    public enum Effect: Sendable, Hashable {
        case fail(ErrorClass)
        /// A time of this range, by chance, each as likely as another.
        case delay(ClosedRange<Duration>)
        /// A time that is short mostly and long now and then: exponential with this mean, at most `max`.
        case lateness(mean: Duration, max: Duration)

        public static func delay(_ time: Duration) -> Effect { .delay(time...time) }

        /// An answer that asks for less: 429.
        public static func throttle(retryAfter: Duration?) -> Effect { .fail(.throttled(retryAfter: retryAfter)) }
    }

    public struct Rule: Sendable, Hashable {
        /// `nil` is every service.
        public var service: String?
        public var selection: Selection
        public var effect: Effect

        public init(_ service: String?, _ selection: Selection, _ effect: Effect) {
            self.service = service
            self.selection = selection
            self.effect = effect
        }
    }

    public var seed: UInt64
    /// All that select a call hold for it: their delays add up, and the first failure is the one.
    public var rules: [Rule]

    public init(seed: UInt64, _ rules: [Rule] = []) {
        self.seed = seed
        self.rules = rules
    }

    /// What happens to call `number` of `service`.
    ///
    /// - Complexity: O(rules).
    public func fault(ofCall number: UInt64, to service: String) -> Fault {
        var fault = Fault.none
        for (index, rule) in rules.enumerated() where rule.service == nil || rule.service == service {
            var chance = SeededRandom(seed: seed(ofRule: index, number, service))
            guard rule.selection.includes(number, draw: chance.next()) else { continue }
            switch rule.effect {
            case .fail(let kind): fault.failure = fault.failure ?? kind
            case .delay(let range): fault.delay += range.drawn(by: chance.next())
            case .lateness(let mean, let max): fault.delay += mean.exponential(draw: chance.next(), max: max)
            }
        }
        return fault
    }

    /// A number for attempt `attempt` of the call that asks for `key`. Two of them are the same by chance only.
    public static func number(of key: String, attempt: Int) -> UInt64 {
        SeededRandom.mixed(hash(key) &+ UInt64(bitPattern: Int64(attempt)) &* SeededRandom.increment)
    }

    private func seed(ofRule index: Int, _ number: UInt64, _ service: String) -> UInt64 {
        let place = SeededRandom.draw(seed: SeededRandom.mixed(seed), index: UInt64(index)) ^ Self.hash(service)
        return SeededRandom.mixed(place &+ number &* SeededRandom.increment)
    }

    /// FNV-1a (Fowler, Noll, Vo), because `Hasher` has another seed in each process.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}

extension FaultPlan.Selection {
    fileprivate func includes(_ number: UInt64, draw: UInt64) -> Bool {
        switch self {
        case .all: return true
        case .calls(let range): return range.contains(number)
        case .every(let step): return step > 0 && number.isMultiple(of: step)
        case .share(let share): return draw.unit < share
        }
    }
}

extension ClosedRange<Duration> {
    fileprivate func drawn(by draw: UInt64) -> Duration {
        let span = (upperBound - lowerBound).wholeNanoseconds
        return lowerBound + .nanoseconds(Int64(clamping: draw.scaled(upTo: span)))
    }
}

extension Duration {
    /// The draw as an exponential time of this mean.
    fileprivate func exponential(draw: UInt64, max: Duration) -> Duration {
        min(self * -log(1 - draw.unit), max)
    }
}

/// What a call fails with that a ``FaultPlan`` lets fail.
public struct InjectedFault: ClassifiedError, Hashable, CustomStringConvertible {
    public let service: String
    public let errorClass: ErrorClass

    public init(service: String, _ errorClass: ErrorClass) {
        self.service = service
        self.errorClass = errorClass
    }

    public var description: String { "injected at \(service): \(errorClass)" }
}
