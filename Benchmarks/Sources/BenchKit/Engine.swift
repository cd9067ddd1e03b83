import GyreBench

/// Runs cells: subjects take turns, run by run, so that a machine that gets slower is slower for all of them.
package struct Engine: Sendable {
    /// Runs of each subject.
    package var repetitions: Int
    /// How long one run should take. The number of operations is chosen for it, by subject.
    package var nanosecondsPerRun: UInt64
    /// Whether runs of a fixed size are shortened too.
    package var isQuick = false
    /// Bounds of that choice. The lower one is many times what a ring of a cell holds: fewer elements would go in
    /// before anybody takes one out, and nobody would meet anybody.
    package var operationsMin: UInt64 = 16_384
    package var operationsMax: UInt64 = 1 << 24

    package init(repetitions: Int, nanosecondsPerRun: UInt64) {
        self.repetitions = repetitions
        self.nanosecondsPerRun = nanosecondsPerRun
    }

    /// About how many minutes these cells take. Most runs are made to fit; of the others it knows what they took here.
    package func minutes(for cells: [Cell]) -> Double {
        cells.map { secondsExpected(of: $0) * Double($0.subjects.count) }.reduce(0, +) / 60
    }

    /// Of one subject, trials and all.
    private func secondsExpected(of cell: Cell) -> Double {
        let run: Double =
            switch cell.effort {
            case .byTime: 2.5 * Double(nanosecondsPerRun) / 1e9
            case .upTo: 8 * Double(nanosecondsPerRun) / 1e9
            case .each: isQuick ? 0.2 : 0.4
            case .steady: 4
            case .once: 7
            }
        return run * Double(repetitions(of: cell) + 2)
    }

    /// Of one subject: who has used it up has no further run in the cell. Runs differ, so it is some times what is
    /// expected, or what the fastest subject takes, which may be more for few long operations; and where both are
    /// little, long enough for a ring that stands still now and then.
    private func secondsMax(of cell: Cell, fastest: UInt64) -> Double {
        let fastest = Double(fastest) / 1e9 * Double(repetitions(of: cell) + 2)
        return max(2.5 * max(secondsExpected(of: cell), fastest), isQuick ? 1 : 3)
    }

    /// Fewest runs that have a median worth showing, when there is no time for all of them.
    private static let runsMin = 3

    /// - Throws: ``Miscount`` when a run lost, doubled or changed something.
    package func measure(_ cell: Cell) throws -> [CellResult] {
        var absent: [(String, String)] = []
        var contenders: [(subject: Subject, operations: UInt64)] = []
        var spent: [Double] = []
        for subject in cell.subjects {
            do {
                let (operations, seconds) = try timed { try calibrate(subject, cell) }
                contenders.append((subject, operations))
                spent.append(seconds)
            } catch let reason as LeftOut {
                absent.append((subject.name, reason.description))
            }
        }
        var runs = contenders.map { _ in [Run]() }
        var fallen: Set<Int> = []
        let began = Occupation.now()
        for turn in 0..<repetitions(of: cell) {
            // Every other turn goes backwards: nobody always follows the same one.
            let order = turn.isMultiple(of: 2) ? Array(contenders.indices) : contenders.indices.reversed()
            for index in order where !fallen.contains(index) {
                let (subject, operations) = contenders[index]
                let limit = secondsMax(of: cell, fastest: runs.joined().map(\.nanoseconds).min() ?? 0)
                if turn > 0, spent[index] > limit {  // what it has is shown, unless it is too little
                    guard runs[index].count < Self.runsMin else { continue }
                    absent.append((subject.name, "\(runs[index].count) runs took more than \(tenths(limit)) s"))
                    fallen.insert(index)
                    continue
                }
                do {
                    let (measured, seconds) = try timed { try run(subject, operations, cell) }
                    runs[index].append(measured)
                    spent[index] += seconds
                } catch let reason as LeftOut {  // some of its runs have a figure, which says nothing then
                    absent.append((subject.name, reason.description))
                    fallen.insert(index)
                }
            }
        }
        let disturbance = Occupation.now().since(began)
        return cell.views.map { view in
            let figures = contenders.indices.filter { !fallen.contains($0) }.map { index in
                (contenders[index].subject.name, Samples(runs[index].map(view.metric.figure)))
            }
            return CellResult(cell: view, figures: figures, leftOut: absent, disturbance: disturbance)
        }
    }

    private func repetitions(of cell: Cell) -> Int {
        switch cell.effort {
        case .steady: max(1, repetitions / 5)
        case .once: 1
        default: repetitions
        }
    }

    private func timed<Value>(_ body: () throws -> Value) rethrows -> (Value, seconds: Double) {
        let began = Thread.now()
        let value = try body()
        return (value, Double(Thread.now() - began) / 1e9)
    }

    /// How many operations a run has.
    private func calibrate(_ subject: Subject, _ cell: Cell) throws -> UInt64 {
        switch cell.effort {
        case .byTime: return try fit(subject, cell, nanosecondsPerRun, operationsMin...operationsMax)
        case .upTo(let count): return try fit(subject, cell, 20 * nanosecondsPerRun, min(operationsMin, count)...count)
        case .each(let count): return isQuick ? count / 3 : count
        case .steady(let count), .once(let count): return count
        }
    }

    /// As many as take the wanted time. Starts small: some take a thousand times as long as others.
    private func fit(
        _ subject: Subject, _ cell: Cell, _ nanoseconds: UInt64, _ bounds: ClosedRange<UInt64>
    ) throws -> UInt64 {
        let wanted = Double(nanoseconds)
        var operations = bounds.lowerBound
        while true {
            // The better of two: a thread that was not running for a while would make all later runs too short.
            var elapsed = Double(try run(subject, operations, cell).nanoseconds)
            if elapsed < 10 * wanted { elapsed = min(elapsed, Double(try run(subject, operations, cell).nanoseconds)) }
            if elapsed > wanted / 4 || operations >= bounds.upperBound {
                let scaled = UInt64(Double(operations) * min(wanted / elapsed, 4))
                return min(max(scaled, bounds.lowerBound), bounds.upperBound)
            }
            operations = min(operations * 4, bounds.upperBound)
        }
    }

    private func run(_ subject: Subject, _ operations: UInt64, _ cell: Cell) throws -> Run {
        let watchdog = Watchdog("\(cell.title): \(subject.name) is stuck")
        defer { watchdog.stop() }
        let run = try subject.run(operations)
        guard let complaint = run.complaint else { return run }
        throw Miscount(description: "\(cell.title): \(subject.name): \(complaint)")
    }
}

/// What a cell showed.
package struct CellResult: Sendable {
    package let cell: Cell
    package let figures: [(name: String, samples: Samples)]
    package let leftOut: [(name: String, reason: String)]
    package let disturbance: Disturbance

    package init(
        cell: Cell, figures: [(name: String, samples: Samples)], leftOut: [(name: String, reason: String)],
        disturbance: Disturbance
    ) {
        self.cell = cell
        self.figures = figures
        self.leftOut = leftOut
        self.disturbance = disturbance
    }

    /// Ours to each peer's, paired, above 1 when ours is better.
    package var ratios: [(peer: String, samples: Samples)] {
        guard let own = figures.first(where: { $0.name == Cell.own }) else { return [] }
        return figures.filter { $0.name != Cell.own }.map {
            ($0.name, own.samples.paired(with: $0.samples, cell.metric))
        }
    }
}

extension Samples {
    /// Ratios of runs that stood side by side: the n-th of ours to the n-th of a peer. A slow minute is in both of them
    /// and falls out, which it does not when medians are divided.
    func paired(with peer: Samples, _ metric: Metric) -> Samples {
        Samples(zip(values, peer.values).map { metric.ratio($0, to: $1) })
    }
}
