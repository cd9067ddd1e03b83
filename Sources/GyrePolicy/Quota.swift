public import GyreCore

/// What a provider of models sells: requests and tokens per time, a number of calls at once, and money. Reserved
/// together, all or none.
///
/// Before a call: one request, its input tokens and what its output is expected to be (``OutputForecast``), a permit,
/// its price. After it: the truth. A call that failed counts too, as providers count it (help.openai.com, article
/// 5955604), but for the tokens it did not use.
///
/// Each resource is one word, and each step moves one word, so the words may be shared without a lock: a caller that
/// finds one of them short gives back what it had of the others. Meanwhile others may have been refused what it held
/// for a moment; they are told the instant or wait for a permit, so nobody is forgotten.
///
/// Q1  All or none: a refusal leaves nothing reserved.
/// Q2  No permit, token or amount is lost: after the last completion the permits and reservations are zero.
/// Q3  Until a 429's instant nobody is served, whoever asked before or asks after.
/// Q4  A wait is the latest of the instants of all resources that are short; two resets never take two waits
///     (thoughtbot.com/blog/openai-rate-limits: wait for the larger).
public struct Quota: DescribedPolicy {
    public let requests: RateLimit?
    public let tokens: RateLimit?
    /// Calls at once.
    public let concurrency: Setting<UInt32>?
    /// Calls that may wait for a permit. They are the runtime's to wake.
    public let waitersMax: Setting<UInt32>
    public let money: Budget?

    /// - Parameters:
    ///   - requests: Calls per time.
    ///   - tokens: Tokens per time; its burst is the largest call there can be.
    ///   - concurrency: At least 1.
    ///   - waitersMax: 1024 by default.
    ///   - money: In the unit of the prices that are reserved.
    /// - Throws: `ConfigurationError` for a concurrency of 0.
    public init(
        requests: RateLimit? = nil, tokens: RateLimit? = nil, concurrency: UInt32? = nil, waitersMax: UInt32? = nil,
        money: Budget? = nil
    ) throws(ConfigurationError) {
        self.requests = requests
        self.tokens = tokens
        if let concurrency {
            self.concurrency = try Setting(concurrency, from: .user).checked("concurrency", in: 1 ... .max)
        } else {
            self.concurrency = nil
        }
        self.waitersMax = Setting(waitersMax, default: 1024)
        self.money = money
    }

    /// What a call asks for.
    public struct Need: Sendable, Hashable, BitwiseCopyable {
        /// Input and expected output.
        public var tokens: UInt64
        public var money: UInt64

        public init(tokens: UInt64 = 0, money: UInt64 = 0) {
            self.tokens = tokens
            self.money = money
        }
    }

    /// What a call holds until it ends. Must be given back once, by ``complete(_:used:storage:at:)`` or
    /// ``abandon(_:storage:at:)``.
    public struct Reservation: Sendable, Hashable, BitwiseCopyable {
        public let need: Need
        var requestArrival: RateLimitState
        var tokenArrival: RateLimitState
    }

    public enum Resource: String, Sendable, Hashable, CaseIterable {
        /// The instant before which the provider wants to hear nothing.
        case block
        case money
        case concurrency
        case requests
        case tokens
    }

    public enum Verdict: Sendable, Hashable {
        case reserved(Reservation)
        /// Nothing is free before this instant.
        case wait(until: MonotonicInstant, for: Resource)
        /// All permits are out; the call is counted as waiting (``PermitState``).
        case waitForPermit
        /// All permits are out, and as many wait as may.
        case full
        /// More tokens than can ever be had at once.
        case exceedsBurst(asked: UInt64, burst: UInt64)
        case budgetExhausted(asked: UInt64, left: UInt64)
    }

    public var settings: [SettingDescription] {
        let named: [(String, [SettingDescription])] = [
            ("requests", requests?.settings ?? []), ("tokens", tokens?.settings ?? []),
            ("money", money?.settings ?? []),
        ]
        let nested = named.flatMap { name, settings in
            settings.map { SettingDescription(name: "\(name).\($0.name)", value: $0.value, source: $0.source) }
        }
        return nested
            + [concurrency?.described(as: "concurrency"), waitersMax.described(as: "waitersMax")]
            .compactMap { $0 }
    }
}

/// Where the words of a quota are: behind a lock, or atomic ones moved by compare-and-swap.
public protocol QuotaStorage {
    func load(_ resource: Quota.Resource) -> UInt64
    /// Replaces a word by what `step` makes of it, as one step, and returns what else `step` said. `step` is pure and
    /// may be called again when somebody else was faster.
    func update<Answer>(_ resource: Quota.Resource, _ step: (UInt64) -> (UInt64, Answer)) -> Answer
}
