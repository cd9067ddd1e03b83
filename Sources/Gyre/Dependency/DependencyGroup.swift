public import GyreCore
public import GyrePolicy

/// Several providers of one capability: each call goes to one that is well, and those that keep failing are left out
/// for a while (``ProviderGroup``).
///
/// Each provider is a ``Dependency`` with policies of its own. Providers take turns among those that are eligible.
///
/// - Concurrency: Safe from any thread.
public final class DependencyGroup: Sendable {
    public let name: String
    public let providers: [Dependency]
    public let policy: ProviderGroup
    private let lines: WordLines
    private let label: PartLabel

    /// - Parameter providers: 1 to 64, of one runtime.
    /// - Throws: ``ConfigurationError`` about their number.
    public init(
        _ name: String, _ providers: [Dependency], _ policy: ProviderGroup
    ) throws(ConfigurationError) {
        guard (1...ProviderGroup.providersMax).contains(providers.count) else {
            throw ConfigurationError(
                field: "providers", reason: "\(providers.count) is outside 1 to \(ProviderGroup.providersMax)")
        }
        guard providers.allSatisfy({ $0.runtime === providers[0].runtime }) else {
            throw ConfigurationError(field: "providers", reason: "their instants are of different clocks")
        }
        self.name = name
        self.providers = providers
        self.policy = policy
        // Who is out and whose turn it is; then a line for each provider.
        lines = WordLines(count: 1 + providers.count)
        let names = providers.map(\.name).joined(separator: ", ")
        label = PartLabel { PartDescription("group \(name) of \(names)", policy.settings) }
        providers[0].runtime.parts.add(label)
    }

    private var ejected: SharedWord { lines.word(0, onLine: 0) }
    private var turn: SharedWord { lines.word(1, onLine: 0) }
    private func state(_ index: Int) -> SharedWord { lines.word(onLine: 1 + index) }
    private var clock: MonotonicClock { providers[0].runtime.clock }

    /// Providers that are left out at the moment.
    public var ejectedProviders: [Dependency] {
        let eligible = eligible(at: clock.now)
        return providers.indices.filter { eligible >> UInt64($0) & 1 == 0 }.map { providers[$0] }
    }

    /// Calls one provider.
    ///
    /// - Parameter work: Is told which provider the call went to.
    /// - Returns: The value and its provider.
    /// - Throws: As ``Dependency/call(cost:deadline:priority:tenant:weight:isIdempotent:_:)``.
    public nonisolated(nonsending) func call<Value: Sendable>(
        cost: UInt64 = 1, deadline: MonotonicInstant = .distantFuture, isIdempotent: Bool = false,
        _ work: nonisolated(nonsending) @escaping @Sendable (Dependency, Attempt) async throws -> Value
    ) async throws -> (value: Value, provider: Dependency) {
        let index = choose(at: clock.now)
        let provider = providers[index]
        do {
            let value = try await provider.call(cost: cost, deadline: deadline, isIdempotent: isIdempotent) {
                try await work(provider, $0)
            }
            note(index, .good)
            return (value, provider)
        } catch {
            note(index, provider.errorClass(of: error).saysFailure ? .failed : .nothing)
            throw error
        }
    }

    /// Whose turn it is among those that are eligible. One whose time has passed comes back by being asked.
    func choose(at now: MonotonicInstant) -> Int {
        let eligible = eligible(at: now)
        let number = turn.update { ($0 &+ 1, $0) } % UInt64(eligible.nonzeroBitCount)
        var left = eligible
        for _ in 0..<number { left &= left - 1 }
        let index = left.trailingZeroBitCount
        ejected.update(ProviderGroupState.self) { group in
            let provider = ProviderState(word: state(index).state)
            return (policy.returning(index, provider, in: group, at: now) ?? group, ())
        }
        return index
    }

    /// A call of a provider has ended. One that has earned it is left out, if that leaves enough.
    func note(_ index: Int, _ sample: BreakerSample) {
        let after = state(index).update(ProviderState.self) { before in
            let after = policy.ending(with: sample, in: before)
            return (after, after)
        }
        guard policy.isOutlier(after) else { return }
        let isOut = ejected.update(ProviderGroupState.self) { group in
            guard let next = policy.ejecting(index, of: providers.count, in: group) else { return (group, false) }
            return (next, true)
        }
        if isOut { state(index).update(ProviderState.self) { (policy.ejected($0, at: clock.now), ()) } }
    }

    private func eligible(at now: MonotonicInstant) -> UInt64 {
        policy.eligible(in: ProviderGroupState(word: ejected.state), count: providers.count, at: now) {
            ProviderState(word: state($0).state)
        }
    }
}

extension ErrorClass {
    /// Whether a provider that ends calls like this does not do its work. That a policy of ours refused, that somebody
    /// cancelled, or that what was asked for is wrong says nothing about it.
    fileprivate var saysFailure: Bool {
        switch self {
        case .transient, .timedOut, .overloaded: return true
        default: return false
        }
    }
}
