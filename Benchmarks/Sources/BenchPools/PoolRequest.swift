/// What a pool is asked to do: one line to the process that has it, in words that the programs of other languages
/// read too.
package struct PoolRequest: Sendable {
    /// How tasks come in. The raw values are words of the line.
    package enum Kind: String, Sendable {
        case fire, post, run, group
        case discardingGroup = "discarding-group"
        case taskExecutor = "task-executor"
        case fanOut = "fan-out"
        case tree
        case idleStart = "idle-start"
        case idleProcessor = "idle-processor"
        case paced
        case openLoop = "open-loop"
        case stampOverhead = "stamp-overhead"
        case queued, timer, suspended
        /// Suspended on nothing at all: what a timer of Go is counted beyond, as its channels hold something too.
        case parked
        /// Of a graph, by nodes.
        case graphNode = "graph-node"
        /// Under ten times the load, or with something dead.
        case goodput, urgent, bystanders
        /// Live tasks whose answers are due within ten seconds.
        case manyTimers = "many-timers"
    }

    /// What a task does.
    package enum Body: String, Sendable {
        case empty, word, work
    }

    package var subject: String
    package var kind: Kind
    package var body: Body
    /// Threads that submit, or callers that wait for their values.
    package var submitters: UInt64
    package var operations: UInt64
    /// Rounds of the body's work.
    package var rounds: UInt64
    /// Of an open loop: percent of what the workers could do if nothing cost anything.
    package var load: UInt64

    package init(
        _ subject: String, _ kind: Kind, _ body: Body = .empty, submitters: UInt64 = 1, operations: UInt64 = 0,
        rounds: UInt64 = 0, load: UInt64 = 0
    ) {
        self.subject = subject
        self.kind = kind
        self.body = body
        self.submitters = submitters
        self.operations = operations
        self.rounds = rounds
        self.load = load
    }

    package var line: String {
        "pool \(subject) \(kind.rawValue) \(body.rawValue) \(submitters) \(operations) \(rounds) \(load)"
    }

    init?(line: String) {
        let words = line.split(separator: " ").map(String.init)
        guard words.count == 8, words[0] == "pool", let kind = Kind(rawValue: words[2]),
            let body = Body(rawValue: words[3])
        else { return nil }
        let numbers = words[4...].compactMap { UInt64($0) }
        guard numbers.count == 4 else { return nil }
        self.init(
            words[1], kind, body, submitters: numbers[0], operations: numbers[1], rounds: numbers[2],
            load: numbers[3])
    }
}
