public import GyreCore

/// What can be told to stand still for a while.
public enum PauseScope: Hashable, Sendable, CustomStringConvertible {
    case lane(Lane)
    /// Of jobs by its name; of calls of a dependency by its number, ``tenant(number:)``.
    case tenant(String)
    /// A handler or a dependency, by its name.
    case dependency(String)

    /// The tenant that calls of a dependency name by a number: the same as its digits.
    public static func tenant(number: UInt64) -> PauseScope { .tenant(String(number)) }

    /// The number of a tenant that has one.
    package var tenantNumber: UInt64? {
        guard case .tenant(let text) = self, let number = UInt64(text), String(number) == text else { return nil }
        return number
    }

    public var description: String {
        switch self {
        case .lane(let lane): return "lane \(lane)"
        case .tenant(let name): return "tenant \(name)"
        case .dependency(let name): return "dependency \(name)"
        }
    }
}

/// What stands still, and until when. What is paused is neither refused nor lost: it waits.
public struct Pauses: Sendable {
    /// What was paused and until when; some of it may be over.
    public private(set) var ends: [PauseScope: MonotonicInstant] = [:]

    public init() {}

    public var isEmpty: Bool { ends.isEmpty }

    /// Pauses `scope`; a second pause takes the place of the first.
    public mutating func pause(_ scope: PauseScope, until instant: MonotonicInstant = .distantFuture) {
        ends[scope] = instant
    }

    /// - Returns: Whether it was paused.
    @discardableResult
    public mutating func resume(_ scope: PauseScope) -> Bool { ends.removeValue(forKey: scope) != nil }

    /// Forgets what is over.
    ///
    /// - Complexity: O(n).
    public mutating func removeEnded(at now: MonotonicInstant) { ends = ends.filter { $0.value > now } }

    /// Until when `scope` is paused; `nil` when it is not.
    public func end(of scope: PauseScope, at now: MonotonicInstant) -> MonotonicInstant? {
        guard let end = ends[scope], end > now else { return nil }
        return end
    }

    /// When work that is in all of these is no longer paused by any; `nil` when it is not now.
    ///
    /// - Complexity: O(1).
    public func end(
        lane: Lane, tenant: String, dependency: String, at now: MonotonicInstant
    ) -> MonotonicInstant? {
        if ends.isEmpty { return nil }
        return [PauseScope.lane(lane), .tenant(tenant), .dependency(dependency)].compactMap { end(of: $0, at: now) }
            .max()
    }
}
