public import GyreCore

/// A job that ended without success, with all that is needed to see why and to run it again.
public struct DeadLetter: Sendable, Hashable {
    public let job: EngineJob
    public let reason: JobFailure.Reason
    /// The attempts that count, in order; at most the last 64 of them.
    public let attempts: [AttemptRecord]
    public let died: MonotonicInstant
    /// Whether the job waits to be redriven, and whoever waits for it with it.
    public let isParked: Bool

    /// The key under which it is redriven: its own.
    public var key: JobKey { job.key }
    /// Where in which graph run it belongs.
    public var position: GraphPosition? { job.position }
}

/// One attempt that failed.
public struct AttemptRecord: Sendable, Hashable {
    public let worker: String
    public let started: MonotonicInstant
    public let ended: MonotonicInstant
    public let error: String
}

/// Dead letters, the oldest first. Bounded: the oldest goes when one is too many, and is counted.
struct DeadLetterBox<Letter: Sendable>: Sendable {
    let capacity: Int
    private var letters: [Letter] = []
    /// Where the oldest is, when the box is full.
    private var oldest = 0
    private(set) var dropped: UInt64 = 0

    init(capacity: Int) { self.capacity = max(1, capacity) }

    var count: Int { letters.count }
    var all: [Letter] { Array(letters[oldest...] + letters[..<oldest]) }

    /// - Returns: The letter that had to go.
    mutating func add(_ letter: Letter) -> Letter? {
        guard letters.count == capacity else {
            letters.append(letter)
            return nil
        }
        let gone = letters[oldest]
        letters[oldest] = letter
        oldest = (oldest + 1) % capacity
        dropped += 1
        return gone
    }

    mutating func remove(where isWanted: (Letter) -> Bool) -> [Letter] {
        var (kept, removed): ([Letter], [Letter]) = ([], [])
        for letter in all { if isWanted(letter) { removed.append(letter) } else { kept.append(letter) } }
        letters = kept
        oldest = 0
        return removed
    }
}
