import GyreCore
public import GyrePolicy

/// What one part of a runtime is set to.
public struct PartDescription: Sendable, Hashable, CustomStringConvertible {
    /// What it is and what it is called: `dependency stock`.
    public let title: String
    /// Every effective value and who chose it; those of a dependency are in its policies.
    public let settings: [SettingDescription]
    /// Of a dependency, from the outside in.
    public let policies: [PolicyDescription]

    init(_ title: String, _ settings: [SettingDescription] = [], policies: [PolicyDescription] = []) {
        self.title = title
        self.settings = settings
        self.policies = policies
    }

    public var description: String {
        let nested = policies.flatMap { $0.description.split(separator: "\n").map(String.init) }
        let lines = settings.map(\.description) + nested
        return ([title] + lines.map { "  \($0)" }).joined(separator: "\n")
    }
}

/// What stands on a runtime and has settings.
protocol DescribedPart: AnyObject, Sendable {
    var partDescription: PartDescription { get }
    /// A drain of the runtime is over: nothing of it runs any more.
    func runtimeEnded()
    /// Lets nothing of `scope` begin before `instant`, or everything with `nil`.
    ///
    /// - Returns: Whose line must be served after it.
    func setPause(_ scope: PauseScope, until instant: MonotonicInstant?) -> Dependency?
    /// What it did and holds, where it is a cache.
    var cacheSnapshot: CacheSnapshot? { get }
}

extension DescribedPart {
    func runtimeEnded() {}
    func setPause(_ scope: PauseScope, until instant: MonotonicInstant?) -> Dependency? { nil }
    var cacheSnapshot: CacheSnapshot? { nil }
}

/// Stands for an object that tasks use, with its settings and what else the runtime wants of it: what is referred to
/// weakly is retained more slowly, so the runtime refers to this.
final class PartLabel: DescribedPart {
    typealias Pause = @Sendable (PauseScope, _ until: MonotonicInstant?) -> Dependency?

    private let describe: @Sendable () -> PartDescription
    private let pause: Pause?
    private let measure: (@Sendable () -> CacheSnapshot)?

    init(
        pause: Pause? = nil, measure: (@Sendable () -> CacheSnapshot)? = nil,
        _ describe: @escaping @Sendable () -> PartDescription
    ) {
        self.pause = pause
        self.measure = measure
        self.describe = describe
    }

    var partDescription: PartDescription { describe() }
    var cacheSnapshot: CacheSnapshot? { measure?() }

    func setPause(_ scope: PauseScope, until instant: MonotonicInstant?) -> Dependency? { pause?(scope, instant) }
}

/// The parts of a runtime that live, in the order in which they were made.
final class RuntimeParts: Sendable {
    private struct Reference {
        weak var part: (any DescribedPart)?
    }

    private struct State {
        var references: [Reference] = []
        /// How many there may be before those that have gone are looked for.
        var many = 64
    }

    private let state = Lock(State())

    /// - Complexity: O(1) on average.
    func add(_ part: any DescribedPart) {
        state.withLock { state in
            if state.references.count >= state.many {
                state.references.removeAll { $0.part == nil }
                state.many = max(64, 2 * state.references.count)
            }
            state.references.append(Reference(part: part))
        }
    }

    func runtimeEnded() {
        for part in all { part.runtimeEnded() }
    }

    var all: [any DescribedPart] { state.withLock { $0.references.compactMap(\.part) } }
}
