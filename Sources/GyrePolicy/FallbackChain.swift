public import GyreCore

/// What to ask instead, when what was asked has failed.
public struct FallbackStep: Sendable, Hashable {
    public enum Source: String, Sendable, CaseIterable {
        /// Another service, model or function, which may fail too.
        case target
        /// The last good value, however old. Only as the last step: nothing is left to ask after it.
        case staleValue
    }

    public let name: String
    public let source: Source
    /// Errors that this step is a help for. `recoverable` by default.
    public let accepts: Setting<ErrorKinds>
    /// How long it is left out after it failed itself. 5 s by default.
    public let cooldown: Setting<Duration>

    public init(
        _ name: String, source: Source = .target, accepts: ErrorKinds? = nil, cooldown: Duration? = nil
    ) {
        self.name = name
        self.source = source
        self.accepts = Setting(accepts, default: .recoverable)
        self.cooldown = Setting(cooldown, default: .seconds(5))
    }
}

/// What to ask instead, in order.
///
/// Each step sees the error of what was asked before it and says whether it is a help for that. A step that fails
/// cools down on its own: else every call would wait for its failure again (litellm pull 34416). A step that is
/// throttled with Retry-After cools down for as long as its server says.
public struct FallbackChain: DescribedPolicy {
    public static let stepsMax = 16

    public let steps: [FallbackStep]

    /// - Parameter steps: 1 to 16, with different names; a stale value only as the last.
    /// - Throws: `ConfigurationError` that names the step at fault.
    public init(_ steps: [FallbackStep]) throws(ConfigurationError) {
        guard (1...Self.stepsMax).contains(steps.count) else {
            throw ConfigurationError(field: "steps", reason: "\(steps.count) is outside 1 to \(Self.stepsMax)")
        }
        var names: Set<String> = []
        for (index, step) in steps.enumerated() {
            guard !step.name.isEmpty else {
                throw ConfigurationError(field: "steps[\(index)].name", reason: "a step needs a name to be served by")
            }
            guard names.insert(step.name).inserted else {
                throw ConfigurationError(field: "steps[\(index)].name", reason: "\(step.name) is there already")
            }
            guard step.source == .target || index == steps.count - 1 else {
                throw ConfigurationError(
                    field: "steps[\(index)].source", reason: "a stale value is for the end: nothing fails after it")
            }
            let longest = Duration.seconds(86_400)
            _ = try step.cooldown.checked("steps[\(index)].cooldown", in: .zero...longest)
        }
        self.steps = steps
    }

    public var settings: [SettingDescription] {
        steps.flatMap { step in
            [
                SettingDescription(name: "\(step.name).source", value: step.source.rawValue, source: .user),
                step.accepts.described(as: "\(step.name).accepts"),
                step.cooldown.described(as: "\(step.name).cooldown"),
            ]
        }
    }

    /// The next step to ask.
    ///
    /// - Parameters:
    ///   - failed: The step that has failed; `nil` for what the chain is a fallback for.
    ///   - error: How it failed.
    ///   - cooldown: The state of each step.
    /// - Returns: The index of a step, or `nil` when the error is the outcome.
    /// - Complexity: O(steps). No allocation.
    public func step(
        after failed: Int?, with error: ErrorClass, at now: MonotonicInstant, cooldown: (Int) -> CooldownState
    ) -> Int? {
        let kind = error.kind
        for index in (failed.map { $0 + 1 } ?? 0)..<steps.count {
            guard steps[index].accepts.value.contains(kind) else { continue }
            if steps[index].source == .staleValue || !cooldown(index).isCooling(at: now) { return index }
        }
        return nil
    }

    /// The state of a step after it was asked: `error` is `nil` when it served.
    public func ending(
        _ index: Int, with error: ErrorClass?, in state: CooldownState, at now: MonotonicInstant
    ) -> CooldownState {
        guard let error else { return CooldownState() }
        guard error.isOfWork else { return state }
        var pause = steps[index].cooldown.nanoseconds
        if case .throttled(let retryAfter?) = error { pause = max(pause, retryAfter.wholeNanoseconds) }
        // The later of two calls that failed at the same time decides.
        return CooldownState(word: max(state.word, now.nanoseconds.addingSaturating(pause)))
    }
}

/// Until when a fallback step is left out: nanoseconds of its instant, 0 for not at all.
public struct CooldownState: PackedState {
    public let word: UInt64

    public init(word: UInt64 = 0) {
        self.word = word
    }

    public func isCooling(at now: MonotonicInstant) -> Bool { now.nanoseconds < word }
}

/// Who answered.
public enum ServedBy: Sendable, Hashable {
    /// What was asked for.
    case primary
    /// A fallback step, by its name and its place in the chain.
    case fallback(name: String, index: Int)
    /// The last good value.
    case staleValue(name: String)
}

extension FallbackChain {
    /// Who answered, when the step `index` did.
    public func served(by index: Int) -> ServedBy {
        let step = steps[index]
        switch step.source {
        case .target: return .fallback(name: step.name, index: index)
        case .staleValue: return .staleValue(name: step.name)
        }
    }
}
