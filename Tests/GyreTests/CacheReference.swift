import GyreCore
import GyrePolicy

/// What a cache of one caller does, said again with a dictionary and an array: every age by its own comparison, SIEVE
/// as a walk over a list.
struct CacheReference {
    struct Entry {
        var value: Int?
        var weight = 0
        var fresh = MonotonicInstant.distantPast
        var served = MonotonicInstant.distantPast
        var onError = MonotonicInstant.distantPast
        var due = MonotonicInstant.distantFuture
        var refusal: (number: Int, until: MonotonicInstant)?
        var isUsed = false
    }

    let policy: CachePolicy
    private(set) var entries: [Int: Entry] = [:]
    /// Keys that hold something, from the oldest to the youngest, and the one at which the hand stands.
    private var line: [Int] = []
    private var hand: Int?
    private(set) var loads = 0

    init(policy: CachePolicy) { self.policy = policy }

    var weight: Int { line.reduce(0) { $0 + weight(of: $1) } }
    var count: Int { line.count }

    private func weight(of key: Int) -> Int {
        guard let entry = entries[key] else { return 0 }
        return entry.value == nil ? 1 : entry.weight
    }

    func kept(_ key: Int, _ now: MonotonicInstant) -> Int? {
        guard let entry = entries[key], let value = entry.value, now < entry.served else { return nil }
        return value
    }

    mutating func use(_ key: Int) { entries[key]?.isUsed = true }

    /// What a call gets whose load would end with `load`.
    mutating func value(
        _ key: Int, _ load: Result<Int, Failure>, weight: Int, at now: MonotonicInstant
    ) -> Result<Int, Failure> {
        if let entry = entries[key], let value = entry.value, now < entry.served {
            use(key)
            if now >= entry.fresh, now >= entry.due { finish(key, load, weight, now) }
            return .success(value)
        }
        if let entry = entries[key], let refusal = entry.refusal, now < refusal.until {
            use(key)
            if let value = entry.value, now < entry.onError { return .success(value) }
            return .failure(Failure(number: refusal.number))
        }
        return finish(key, load, weight, now)
    }

    mutating func remove(_ key: Int) -> Bool {
        guard entries[key] != nil else { return false }
        leaveLine(key)
        entries[key] = nil
        return true
    }

    @discardableResult
    private mutating func finish(
        _ key: Int, _ load: Result<Int, Failure>, _ weight: Int, _ now: MonotonicInstant
    ) -> Result<Int, Failure> {
        loads += 1
        var entry = entries[key] ?? Entry()
        if entry.value != nil, now >= entry.onError { entry.value = nil }
        entry.refusal = nil
        // Without a value it holds nothing while it is loaded, and comes in line anew.
        if entry.value == nil { leaveLine(key) }
        let window = policy.refreshAfter.value ?? policy.ttl.value
        var result = load
        switch load {
        case .success(let value):
            guard weight <= policy.weightMax.value else {
                leaveLine(key)
                entries[key] = nil
                return result
            }
            entry.value = value
            entry.weight = weight
            entry.fresh = policy.refreshAfter.value.map { now + $0 } ?? .distantFuture
            entry.due = entry.fresh
            entry.served = now + policy.ttl.value
            entry.onError = entry.served + policy.staleIfError.value
        case .failure(let failure):
            entry.due = now + window
            if policy.negativeTTL.value > .zero {
                entry.refusal = (failure.number, now + policy.negativeTTL.value)
            }
            if let value = entry.value { result = .success(value) }
        }
        guard entry.value != nil || entry.refusal != nil else {
            entries[key] = nil
            return result
        }
        entries[key] = entry
        if !line.contains(key) { line.append(key) }
        trim(now)
        return result
    }

    private mutating func trim(_ now: MonotonicInstant) {
        while weight > policy.weightMax.value || line.count > policy.entriesMax.value {
            var candidate = hand ?? line[0]
            while passes(candidate, now) { candidate = next(of: candidate) ?? line[0] }
            hand = candidate
            leaveLine(candidate)
            entries[candidate] = nil
        }
    }

    /// Whether the hand passes over `key`, which forgets its use.
    private mutating func passes(_ key: Int, _ now: MonotonicInstant) -> Bool {
        guard let entry = entries[key] else { return false }
        entries[key]?.isUsed = false
        let isSpent = (entry.value == nil || now >= entry.onError) && (entry.refusal.map { now >= $0.until } ?? true)
        return entry.isUsed && !isSpent
    }

    private func next(of key: Int) -> Int? {
        guard let index = line.firstIndex(of: key), index + 1 < line.count else { return nil }
        return line[index + 1]
    }

    private mutating func leaveLine(_ key: Int) {
        if hand == key { hand = next(of: key) }
        line.removeAll { $0 == key }
    }
}
