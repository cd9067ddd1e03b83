import Foundation

/// How far a run looks.
enum Size: String, Sendable {
    /// Minutes: with every change.
    case ci
    /// Hours: by hand.
    case soak
}

/// One way to look for bugs.
protocol Instrument: Sendable {
    /// As the table and `--only` name it.
    var name: String { get }

    var lane: Lane { get }

    /// Whether its programs give way to the suites that run meanwhile: those take longest, and do not always keep every
    /// processor busy. Not where time is part of what is looked at.
    var givesWay: Bool { get }

    /// Looks, and reports a row for each subject as soon as it is done with it. Throws when it could not look.
    func run(_ context: Context, report: (Row) -> Void) throws
}

extension Instrument {
    var lane: Lane { .programs }
    var givesWay: Bool { false }
}

/// Two lanes run at once, the instruments of each one after the other. A test suite waits a good part of its time, and
/// its build ends on one processor; a lane of its own leaves none idle.
enum Lane: Sendable {
    /// Before the two: threads that hand over to each other all the time keep every processor busy, and beside a
    /// compiler each of millions of turns would last until the kernel takes the processor away from it.
    case alone
    /// Builds the test suite in some way, and runs it.
    case suites
    /// Everything else: programs of their own, which keep to ``Context/permits``.
    case programs
}

/// What an instrument works with.
struct Context: Sendable {
    let size: Size
    /// Everything that chance decides follows from this number.
    let seed: UInt64
    /// One for each processor. The lane of suites holds one as long as it lasts.
    let permits: Permits
    let suites = SuiteRuns()

    /// The top of the repository: `swift run` starts programs there.
    let top = URL(fileURLWithPath: FileManager.default.currentDirectoryPath)

    /// A folder for what the instrument `name` builds.
    func scratch(_ name: String) throws -> URL {
        let folder = top.appendingPathComponent(".build-verify/\(name)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }
}

/// What an instrument did with one subject.
struct Row: Sendable {
    let instrument: String
    let subject: String
    /// How often it looked, in `unit`.
    let cases: UInt64
    let unit: String
    /// One line for each thing that is wrong; the first line of each is what a reader sees, with how to replay it.
    let found: [String]
    let seconds: Double

    init(
        _ instrument: String, _ subject: String, cases: UInt64, _ unit: String, found: [String] = [],
        began: ContinuousClock.Instant
    ) {
        self.init(instrument, subject, cases: cases, unit, found: found, took: began.duration(to: .now))
    }

    init(
        _ instrument: String, _ subject: String, cases: UInt64, _ unit: String, found: [String] = [], took: Duration
    ) {
        self.instrument = instrument
        self.subject = subject
        self.cases = cases
        self.unit = unit
        self.found = found
        let elapsed = took.components
        seconds = Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18
    }

    /// The row as it is printed while the run goes on.
    var line: String {
        let mark = found.isEmpty ? "ok  " : "FAIL"
        let time = String(format: "%.1f", seconds)
        let lines = found.flatMap { $0.split(separator: "\n") }.map { "     \($0)" }
        return (["\(mark) \(instrument): \(subject): \(cases) \(unit), \(time) s"] + lines).joined(separator: "\n")
    }
}
