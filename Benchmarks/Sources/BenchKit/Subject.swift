/// One run of a subject: what it took, and proof that it did what it was asked to.
package struct Run: Sendable {
    package var nanoseconds: UInt64
    /// What the time is divided by.
    package var operations: UInt64
    package var countIn: UInt64
    package var countOut: UInt64
    package var digestIn: UInt64
    package var digestOut: UInt64

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

    package var name: String { self == .throughput ? "throughput" : "time" }
    package var unit: String { self == .throughput ? "Mops/s" : "ns" }

    func figure(of run: Run) -> Double {
        switch self {
        case .throughput: Double(run.operations) * 1_000 / Double(run.nanoseconds)
        case .time: Double(run.nanoseconds) / Double(run.operations)
        }
    }

    /// How many times better `own` is than `peer`.
    func ratio(_ own: Double, to peer: Double) -> Double { self == .throughput ? own / peer : peer / own }
}

/// What a cell should show: our median ratio to the best of some peers.
package struct Target: Sendable {
    package let ratio: Double
    package let peers: Set<String>

    package init(_ ratio: Double, _ peers: Set<String>) {
        self.ratio = ratio
        self.peers = peers
    }
}

/// One line of comparison: a title, a metric, and everybody who can do it.
package struct Cell: Sendable {
    package let title: String
    package let metric: Metric
    package let subjects: [Subject]
    package let target: Target?
    /// Said below the table.
    package let note: String?

    package init(
        _ title: String, _ metric: Metric, target: Target? = nil, note: String? = nil, _ subjects: [Subject]
    ) {
        self.title = title
        self.metric = metric
        self.target = target
        self.note = note
        self.subjects = subjects
    }

    /// Whom the ratios are about: the subject of this name.
    package static let own = "gyre"
}
