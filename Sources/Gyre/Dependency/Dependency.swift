public import GyreCore
public import GyrePolicy

/// One thing that tasks call and that may fail: an API, a model, a database. Shared by all tasks that call it, so that
/// what one learns about it helps all.
///
/// ```swift
/// let stock = Dependency("stock", on: gyre)
/// let count = try await stock.call { _ in try await fetchCount("umbrella") }
/// ```
///
/// A dependency belongs to one runtime, because all of its instants are of one clock. Its state is a word for each
/// policy; whoever calls moves them himself, so that no call waits for another thread.
///
/// - Concurrency: Safe from any thread.
public final class Dependency: Sendable {
    public let name: String
    public let runtime: Runtime

    let plan: SwappedReference<DependencyPlan>
    let words = DependencyWords()
    let line: Lock<PermitLine>
    /// Shared with what the runtime knows of the dependency, as the words are.
    let turns: SharedLock<TurnLine>
    let tuning = DependencyTuner()
    let letters: Lock<DeadLetterBox<DeadCall>>
    /// Held while policies are replaced or controllers decide.
    let control = Lock<Void>(())
    let classify: @Sendable (any Error) -> ErrorClass
    let decide: RetryClassifier?
    /// What all chance of this dependency follows from.
    let seed: UInt64
    private let label: PartLabel

    /// A dependency with ``Policies/standard``.
    public convenience init(_ name: String, on runtime: Runtime) {
        do {
            try self.init(name, on: runtime, .standard)
        } catch {
            preconditionFailure("the standard policies are in range: \(error)")
        }
    }

    /// - Parameters:
    ///   - name: For people, in errors and descriptions.
    ///   - lettersMax: How many dead letters are kept (``deadLetters``), at least 1. Each keeps an error alive.
    ///   - seed: The same seed gives the same jitter. Chosen by chance when `nil`, because programs that back off in
    ///     step come back in step.
    ///   - classify: What an error of the work says about the service. By default the word of an error that is a
    ///     `ClassifiedError`, else `transient`. Not asked about errors of the engine, nor about calls that were
    ///     cancelled.
    ///   - decide: What to do after an error, where its class does not say it. It cannot lift the limits of
    ///     ``RetryPolicy``.
    /// - Throws: ``ConfigurationError`` about what a dependency does not do, or if `lettersMax` is below 1.
    public init(
        _ name: String, on runtime: Runtime, _ policies: Policies, lettersMax: Int = lettersMaxDefault,
        seed: UInt64? = nil,
        classify: @escaping @Sendable (any Error) -> ErrorClass = { ErrorClass(of: $0) },
        decide: RetryClassifier? = nil
    ) throws(ConfigurationError) {
        let plan = try DependencyPlan(policies)
        guard lettersMax >= 1 else {
            throw ConfigurationError(field: "lettersMax", reason: "\(lettersMax) is less than 1")
        }
        self.name = name
        self.runtime = runtime
        self.plan = SwappedReference(plan)
        line = Lock(PermitLine(plan))
        turns = SharedLock(TurnLine(plan))
        letters = Lock(DeadLetterBox(capacity: lettersMax))
        self.classify = classify
        self.decide = decide
        self.seed = seed ?? UInt64.random(in: 0 ... .max)
        let pause: PartLabel.Pause = { [turns, words, timers = runtime.timers, clock = runtime.clock] scope, instant in
            Self.applyPause(of: scope, until: instant, to: turns, words, name: name, timers, at: clock.now)
        }
        label = PartLabel(pause: pause) { [plan = self.plan, tuning] in Self.part(name, plan, tuning) }
        runtime.addPausable(label)
        words.limit.update { _ in (UInt64(policies.adaptiveLimit?.initial.value ?? 0), ()) }
        tuning.begin(policies, at: runtime.clock.now)
    }

    /// The policies in force.
    public var policies: Policies { reading { $0.policies } }
    /// The policies that are there, from the outside in.
    public var order: PolicyOrder { reading { $0.order } }

    /// Replaces the policies while calls are under way.
    ///
    /// Calls go on under the new ones from their next step. What they hold stays theirs and is given back: permits,
    /// leases, retries, places in the line. A lower limit takes nothing away; it grants no more until it is kept. Who
    /// waits and has no place under the new policies is refused. What was learned stays, but for an adaptive limit with
    /// other settings and a breaker's window of another length, which begin anew. The breaker's state stays: one that
    /// is open is open until the instant that was drawn when it opened.
    ///
    /// - Throws: ``ConfigurationError``; then nothing has changed.
    /// - Concurrency: Any thread. Blocks until no other thread is in the middle of a step under the old policies, some
    ///   microseconds to milliseconds.
    public func replacePolicies(_ policies: Policies) throws(ConfigurationError) {
        let next = try DependencyPlan(policies)
        control.withLock { _ in
            let before = self.policies
            if policies.adaptiveLimit != before.adaptiveLimit {
                words.limit.update { _ in (UInt64(policies.adaptiveLimit?.initial.value ?? 0), ()) }
            }
            plan.replace(by: next)
            // Slots of another length say nothing about the new window, and those of a breaker that was away are old.
            if policies.breaker?.nanosecondsPerSlot != before.breaker?.nanosecondsPerSlot { words.clearWindow() }
            tuning.begin(policies, at: clock.now)
            promoteWaiters()
            rebuildLine(next)
            rebuildTurns(next)
        }
    }

    /// Reads the policies in force, for one step: nothing in it waits or suspends.
    @inline(__always)
    func reading<Value, Failure>(_ step: (DependencyPlan) throws(Failure) -> Value) throws(Failure) -> Value {
        try plan.read(step)
    }

    var clock: MonotonicClock { runtime.clock }

    /// 64 random bits, other ones each time.
    func draw() -> UInt64 { SeededRandom.draw(seed: seed, index: words.nextDraw()) }
}

/// The words of a dependency. What many threads move at each call has a cache line of its own; the breaker's, which
/// hardly ever moves, is on one that is only read.
struct DependencyWords: Sendable {
    private let lines: WordLines
    /// Calls and retries under way.
    let budget: SharedWord
    let permits: SharedWord
    let rate: SharedWord
    /// Not 0 when attempts wait for their turn, or a pause may hold: then nobody goes without asking the line. Moves
    /// under the line's lock.
    let turns: SharedWord
    let breaker: SharedWord
    /// The least that an attempt took that succeeded, in nanoseconds; 0 as long as none has. Hardly ever moves either.
    let shortest: SharedWord
    /// The adaptive limit in force; 0 without one.
    let limit: SharedWord
    private let draws: SharedWord

    init() {
        lines = WordLines(count: 7)
        budget = lines.word(onLine: 0)
        permits = lines.word(onLine: 1)
        rate = lines.word(onLine: 2)
        breaker = lines.word(onLine: 3)
        shortest = lines.word(1, onLine: 3)
        limit = lines.word(2, onLine: 3)
        turns = lines.word(3, onLine: 3)
        draws = lines.word(onLine: 6)
    }

    /// Slot `index` of the breaker's window; ten words on two lines.
    func window(_ index: Int) -> SharedWord { lines.word(index, onLine: 4) }

    /// Forgets the results of the breaker's window.
    func clearWindow() {
        for index in 0..<Int(BreakerWindow.slotCount) { window(index).update { _ in (0, ()) } }
    }

    func nextDraw() -> UInt64 { draws.update { ($0 &+ 1, $0) } }
}
