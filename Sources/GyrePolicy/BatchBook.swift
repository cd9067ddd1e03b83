public import GyreCore

/// The batches that fill, one per key: a tenant, a model, or both.
///
/// A plain value: whoever shares it holds a lock for the length of a call, sets a timer to the instant that a `wait`
/// names, and asks again then.
///
/// - Complexity: O(members of the key's batch) for every call. At most `keysMax` batches are open.
public struct BatchBook<Key: Hashable & Sendable, Element: Sendable>: Sendable {
    public let policy: BatchPolicy
    /// Batches that may be open at once.
    public let keysMax: Int
    /// Batches that may be open at once where nobody chose.
    package static var keysMaxStandard: Int { 1024 }
    private var open: [Key: [BatchMember<Element>]] = [:]

    /// - Parameter keysMax: 1 to 2^20; 1024 by default.
    /// - Throws: `ConfigurationError` when it is out of range.
    public init(_ policy: BatchPolicy, keysMax: Int? = nil) throws(ConfigurationError) {
        self.policy = policy
        self.keysMax = try Setting(keysMax, default: Self.keysMaxStandard).checked("keysMax", in: 1...(1 << 20)).value
    }

    public enum Answer: Sendable {
        /// The batch goes now and is no longer open.
        case send([BatchMember<Element>], BatchPolicy.Reason)
        /// Ask again at this instant.
        case wait(until: MonotonicInstant)
        /// As many batches are open as may be. The member was not added.
        case tooManyKeys(keysMax: Int)
        /// No batch of this key is open: it went already.
        case nothing
    }

    /// Members that wait, of all keys.
    public var count: Int { open.values.reduce(0) { $0 + $1.count } }

    /// Adds a member to the batch of its key.
    public mutating func add(
        _ member: BatchMember<Element>, key: Key, size: Int, expectedNanoseconds: UInt64, at now: MonotonicInstant
    ) -> Answer {
        guard open[key] != nil || open.count < keysMax else { return .tooManyKeys(keysMax: keysMax) }
        open[key, default: []].append(member)
        return check(key, size: size, expectedNanoseconds: expectedNanoseconds, at: now)
    }

    /// The instant that a `wait` named has come, or what is full has changed.
    public mutating func check(
        _ key: Key, size: Int, expectedNanoseconds: UInt64, at now: MonotonicInstant
    ) -> Answer {
        guard let members = open[key] else { return .nothing }
        switch policy.decide(members, size: size, expectedNanoseconds: expectedNanoseconds, at: now) {
        case .wait(let until): return .wait(until: until)
        case .send(let reason):
            open[key] = nil
            return .send(members, reason)
        }
    }

    /// Takes the open batch of `key`, however full it is; `nil` when there is none.
    public mutating func take(_ key: Key) -> [BatchMember<Element>]? { open.removeValue(forKey: key) }

    /// Takes all open batches, however full they are.
    public mutating func takeAll() -> [Key: [BatchMember<Element>]] {
        defer { open = [:] }
        return open
    }

    /// Takes a member back that was cancelled while it waited. `nil` when it has gone. The batch's instant may move
    /// later; its timer finds that out.
    public mutating func remove(id: UInt64, key: Key) -> BatchMember<Element>? {
        guard let index = open[key]?.firstIndex(where: { $0.id == id }) else { return nil }
        let member = open[key]?.remove(at: index)
        if open[key]?.isEmpty == true { open[key] = nil }
        return member
    }
}
