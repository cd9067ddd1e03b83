/// One run of a subject: what it took, and proof that it did what it was asked to.
package struct Run: Sendable {
    package var nanoseconds: UInt64
    /// What the time is divided by.
    package var operations: UInt64
    package var countIn: UInt64
    package var countOut: UInt64
    package var digestIn: UInt64
    package var digestOut: UInt64
    /// Of the operations' latencies, in nanoseconds, where those were taken one by one.
    package var p50: UInt64 = 0
    package var p99: UInt64 = 0
    /// Memory that the operations held together, where that was looked at.
    package var bytes: UInt64 = 0

    package init(
        nanoseconds: UInt64, operations: UInt64, countIn: UInt64, countOut: UInt64, digestIn: UInt64,
        digestOut: UInt64
    ) {
        self.nanoseconds = nanoseconds
        self.operations = operations
        self.countIn = countIn
        self.countOut = countOut
        self.digestIn = digestIn
        self.digestOut = digestOut
    }

    /// What is wrong with the run, or `nil`. A run that lost, doubled or changed something has no figure.
    package var complaint: String? {
        if countIn != countOut { return "\(countIn) went in, \(countOut) came out" }
        if digestIn != digestOut { return "what came out is not what went in" }
        if operations == 0 || nanoseconds == 0 { return "nothing was measured" }
        return nil
    }
}

/// Why a subject has no figure here although it was meant to have one.
package struct LeftOut: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A run whose figure would be a lie.
package struct Miscount: Error, CustomStringConvertible {
    package let description: String
}

/// Something that is measured. Its name is stable, so that files of different days can be put side by side.
package struct Subject: Sendable {
    package let name: String
    /// Runs so many operations; throws ``LeftOut`` when it cannot be measured on this machine.
    package let run: @Sendable (_ operations: UInt64) throws -> Run

    package init(_ name: String, run: @escaping @Sendable (UInt64) throws -> Run) {
        self.name = name
        self.run = run
    }
}

/// What a figure says.
package enum Metric: Sendable {
    /// Million operations a second: more is better.
    case throughput
    /// Nanoseconds for each operation: less is better.
    case time
    /// Nanoseconds that half of the operations of a run stayed below: less is better.
    case p50
    /// The same for 99 of a hundred.
    case p99
    /// Bytes for each operation: less is better.
    case memory
    /// Processor time, in percent of one core, of runs whose operations are milliseconds: less is better.
    case processor

    package var name: String {
        switch self {
        case .throughput: "throughput"
        case .time, .p50, .p99: "time"
        case .memory: "memory"
        case .processor: "processor"
        }
    }

    package var unit: String {
        switch self {
        case .throughput: "Mops/s"
        case .time, .p50, .p99: "ns"
        case .memory: "B"
        case .processor: "%"
        }
    }

    func figure(of run: Run) -> Double {
        switch self {
        case .throughput: Double(run.operations) * 1_000 / Double(run.nanoseconds)
        case .time: Double(run.nanoseconds) / Double(run.operations)
        case .p50: Double(run.p50)
        case .p99: Double(run.p99)
        case .memory: Double(run.bytes) / Double(run.operations)
        case .processor: Double(run.nanoseconds) / Double(run.operations) / 10_000
        }
    }

    /// How many times better `own` is than `peer`.
    func ratio(_ own: Double, to peer: Double) -> Double { self == .throughput ? own / peer : peer / own }
}

/// How many operations a run has.
package enum Effort: Sendable {
    /// As many as take the time that the engine was given, by subject.
    case byTime
    /// So many, and fewer for whoever needs more than twenty times the engine's time for them.
    case upTo(UInt64)
    /// So many for everybody; in a quick run a third of them.
    case each(UInt64)
    /// So many for everybody, and few runs: the figure hardly differs between them.
    case steady(UInt64)
    /// So many in one run: it takes many seconds, and its figures are of as many operations.
    case once(UInt64)
}

/// One line of comparison: a title, a metric, and everybody who can do it.
package struct Cell: Sendable {
    package let title: String
    package let metric: Metric
    package let effort: Effort
    package let subjects: [Subject]
    package let targets: [Target]
    /// Said below the table.
    package let note: String?
    /// Further figures of the same runs, each under a title of its own.
    package let also: [View]

    /// Another figure of a cell's runs.
    package struct View: Sendable {
        let suffix: String
        let metric: Metric
        let targets: [Target]

        package init(_ suffix: String, _ metric: Metric, targets: [Target] = []) {
            self.suffix = suffix
            self.metric = metric
            self.targets = targets
        }
    }

    package init(
        _ title: String, _ metric: Metric, effort: Effort = .byTime, targets: [Target] = [], note: String? = nil,
        also: [View] = [], _ subjects: [Subject]
    ) {
        self.title = title
        self.metric = metric
        self.effort = effort
        self.subjects = subjects
        self.targets = targets
        self.note = note
        self.also = also
    }

    /// The cells of the report that this one's runs are for, itself first.
    var views: [Cell] {
        [self]
            + also.map {
                Cell(title + $0.suffix, $0.metric, effort: effort, targets: $0.targets, note: note, subjects)
            }
    }

    /// Whom the ratios are about: the subject of this name.
    package static let own = "gyre"
}
