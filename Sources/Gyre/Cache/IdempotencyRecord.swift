import GyreCore

/// What a run is called.
struct IdempotencyName: Hashable, Sendable {
    let scope: String
    let key: String
}

/// A run: under way as long as it has a flight, then its outcome. Never changes once it is in the table.
///
/// `@unchecked Sendable`: read by anybody, but for the variables, which are the owner's under its lock.
final class IdempotencyRecord<Value: Sendable>: TableObject, @unchecked Sendable {
    let name: IdempotencyName
    let hash: UInt64
    let fingerprint: String
    let flight: Flight<Value>?
    let outcome: Result<Value, any Error>?
    let expires: MonotonicInstant

    var node: RCUTable.Node?
    /// Whether it has left the table before its time.
    var isDropped = false

    init(
        name: IdempotencyName, hash: UInt64, fingerprint: String, flight: Flight<Value>? = nil,
        outcome: Result<Value, any Error>? = nil, expires: MonotonicInstant = .distantFuture
    ) {
        self.name = name
        self.hash = hash
        self.fingerprint = fingerprint
        self.flight = flight
        self.outcome = outcome
        self.expires = expires
    }

    override func hasKey(_ key: UnsafeRawPointer) -> Bool {
        key.assumingMemoryBound(to: IdempotencyName.self).pointee == name
    }
}

/// Outcomes in the order in which they end.
struct IdempotencyLedger<Value: Sendable> {
    private var records: [IdempotencyRecord<Value>] = []
    /// Where the line begins: what is before has gone.
    private var head = 0
    /// Nothing is begun any more.
    let isClosed: Bool

    init(isClosed: Bool = false) { self.isClosed = isClosed }

    var first: IdempotencyRecord<Value>? { head < records.count ? records[head] : nil }

    mutating func append(_ record: IdempotencyRecord<Value>, recordsMax: Int) {
        records.append(record)
        // What was forgotten by hand stands here until its time, but there is a bound to that too.
        guard records.count - head > 2 * recordsMax else { return }
        records = records[head...].filter { !$0.isDropped }
        head = 0
    }

    mutating func removeFirst() {
        head += 1
        guard head * 2 > records.count else { return }
        records.removeFirst(head)
        head = 0
    }
}
