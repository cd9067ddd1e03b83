import BenchKit
import Glibc
import Gyre

/// Nanoseconds per task of every way to submit one. `make scratch`.
@main
struct Scratch {
    static func main() async {
        do {
            let options = try Options(CommandLine.arguments.dropFirst())
            print(Machine.read().text)
            if let gap = options.paced {
                return try await Paced.measure(gapMicroseconds: gap, options)
            }
            try await measure(options)
            if options.only.isEmpty { try await weigh() }
        } catch {
            let complaint = Array("scratch: \(error)\n".utf8)
            write(STDERR_FILENO, complaint, complaint.count)
            exit(error is Options.Mistake ? 2 : 1)
        }
    }

    /// Subjects take turns, so that a machine that gets slower meanwhile is slower for all of them.
    private static func measure(_ options: Options) async throws {
        let subjects = Subjects.all(workers: options.workers).filter { $0.title.contains(options.only) }
        var samples = subjects.map { _ in [Double]() }
        for _ in 0..<options.runs {
            for (index, subject) in subjects.enumerated() {
                let tasks = max(100, subject.tasks / options.divisor)
                let elapsed = try await subject.run(tasks)
                samples[index].append(Double(elapsed.attoseconds) / 1e9 / Double(tasks))
            }
        }
        print("\nns per task, wall time, \(options.runs) runs\n")
        let width = subjects.map(\.title.count).max() ?? 0
        print(row("", ["best", "median", "max"], width))
        for (subject, samples) in zip(subjects, samples) {
            let sorted = samples.sorted()
            let figures = [sorted[0], sorted[sorted.count / 2], sorted[sorted.count - 1]]
            print(row(subject.title, figures.map(tenths), width))
        }
    }

    private static func weigh() async throws {
        let rows = try await Memory.rows()
        guard !rows.isEmpty else { return print("\nno figures of memory: jemalloc is not the allocator") }
        let width = rows.map(\.title.count).max() ?? 0
        print("\nbytes allocated\n")
        for (title, bytes) in rows { print(row(title, [tenths(bytes)], width)) }
    }

    private static func row(_ title: String, _ cells: [String], _ width: Int) -> String {
        let padded = title + String(repeating: " ", count: width - title.count)
        return cells.reduce(padded) { $0 + String(repeating: " ", count: max(1, 10 - $1.count)) + $1 }
    }
}

/// What may be asked for on the command line.
struct Options {
    var runs = 5
    var workers: Int?
    var only = ""
    /// Runs are this many times shorter: to see that everything works.
    var divisor = 1
    /// Microseconds between tasks: response times at this pace in place of everything else.
    var paced: Int?

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    init(_ arguments: ArraySlice<String>) throws(Mistake) {
        var rest = arguments
        while let name = rest.popFirst() {
            guard let value = rest.popFirst() else {
                throw Mistake(description: "\(name) needs a value. \(Self.usage)")
            }
            switch (name, Int(value)) {
            case ("--runs", let number?) where number > 0: runs = number
            case ("--workers", let number?) where (1...WorkerPool.workersMax).contains(number): workers = number
            case ("--divisor", let number?) where number > 0: divisor = number
            case ("--paced", let number?) where (2...100_000).contains(number): paced = number
            case ("--only", _): only = value
            default: throw Mistake(description: "\(name) \(value) is not understood. \(Self.usage)")
            }
        }
    }

    private static let usage =
        "Options: --runs N, --workers N, --only PART-OF-A-TITLE, --divisor N, "
        + "--paced MICROSECONDS"
}
