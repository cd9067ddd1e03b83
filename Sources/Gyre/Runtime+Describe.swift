import GyreCore
import GyrePolicy

extension Runtime {
    /// Every effective value of the runtime and of what stands on it now, and who chose it: its configuration, the
    /// threads for blocking bodies, the engine, the journal; then its dependencies, groups of them, caches, runs under
    /// keys and batchers, in the order in which they were made.
    ///
    /// A value of the configuration that is equal to the default reads as the default, whoever wrote it.
    ///
    /// - Complexity: O(parts). Some milliseconds.
    /// - Concurrency: Any thread. Disturbs no call.
    public var settings: [PartDescription] {
        let own = [
            PartDescription("runtime \(pool.configuration.name)", poolSettings),
            PartDescription("blocking threads", blockingLane.limits.settings),
            engine.partDescription, PartDescription("journal", journal.settings),
        ]
        return own + parts.all.map(\.partDescription)
    }

    /// ``settings`` as text.
    ///
    ///     runtime gyre
    ///       workers = 2 (machine)
    ///       inFlight = 4096 (default)
    ///       …
    ///     dependency stock: retry → breaker
    ///       retry
    ///         attemptsMax = 4 (user)
    ///       …
    public func describe() -> String { settings.map(\.description).joined(separator: "\n") }

    private var poolSettings: [SettingDescription] {
        let (ours, standard) = (pool.configuration, Configuration())
        return [
            Setting(pool.workerCount, from: ours.workers == nil ? .machine : .user).described(as: "workers"),
            Setting(ours.inFlight, standard: standard.inFlight).described(as: "inFlight"),
            Setting(ours.submitters, standard: standard.submitters).described(as: "submitters"),
            Setting(ours.pinning.rawValue, standard: standard.pinning.rawValue).described(as: "pinning"),
            Setting(ours.idle.rawValue, standard: standard.idle.rawValue).described(as: "idle"),
            Setting("\(ours.timing)", standard: "\(standard.timing)").described(as: "timing"),
            Setting(
                clock.description.source,
                from: clock.description.source == standard.clock.description.source ? .machine : .user
            ).described(as: "clock"),
        ] + spinTuner.settings
    }
}

extension BlockingLimits {
    var settings: [SettingDescription] {
        [
            Setting(threadsMax, standard: Self.standard.threadsMax).described(as: "threadsMax"),
            Setting(queueMax, standard: Self.standard.queueMax).described(as: "queueMax"),
        ]
    }
}

extension Setting {
    /// A value whose writer is not known: the default is nobody's.
    fileprivate init(_ value: Value, standard: Value) {
        self.init(value, from: value == standard ? .default : .user)
    }
}
