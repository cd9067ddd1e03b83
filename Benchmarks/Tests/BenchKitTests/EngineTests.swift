import Glibc
import GyreBench
import Synchronization
import Testing

@testable import BenchKit

@Suite struct EngineTests {
    private let engine = Engine(repetitions: 3, nanosecondsPerRun: 1_000)

    private func run(_ nanoseconds: UInt64, out: UInt64 = 10, digest: UInt64 = 5) -> Run {
        Run(nanoseconds: nanoseconds, operations: 10, countIn: 10, countOut: out, digestIn: 5, digestOut: digest)
    }

    private func measure(_ cell: Cell) throws -> CellResult { try #require(engine.measure(cell).first) }

    @Test func ratiosAreAboveOneWhereOursIsBetter() throws {
        let subjects = [
            Subject(Cell.own) { _ in run(1_000) }, Subject("slow") { _ in run(4_000) },
            Subject("fast") { _ in run(500) },
        ]
        for metric in [Metric.throughput, .time] {
            let targets = [Target(1, ["slow", "fast"]), .atMost(200)]
            let result = try measure(Cell("a", metric, targets: targets, subjects))
            #expect(result.ratios.map(\.peer) == ["slow", "fast"])
            #expect(result.ratios.map(\.samples.median) == [4, 0.5])
            #expect(result.verdicts.map(\.peer) == ["fast", TargetVerdict.own])
            #expect(result.verdicts.map(\.isMet) == [false, true])
            #expect(result.figures[0].samples.count == 3)
        }
    }

    @Test(arguments: [(9, 5), (10, 6)] as [(UInt64, UInt64)])
    func aRunThatLostOrChangedSomethingIsAnError(out: UInt64, digest: UInt64) {
        let cell = Cell("a", .time, [Subject("b") { _ in run(1_000, out: out, digest: digest) }])
        #expect(throws: Miscount.self) { try engine.measure(cell) }
    }

    @Test func whoCannotBeMeasuredIsNamedWithTheReason() throws {
        let cell = Cell(
            "a", .time, [Subject("b") { _ in throw LeftOut("not here") }, Subject("c") { _ in run(1_000) }])
        let result = try measure(cell)
        #expect(result.leftOut.map(\.name) == ["b"])
        #expect(Report.table(result).contains("left out: not here"))
        #expect(Report.lines(result).count == 1)
    }

    @Test func whoFailsInTheMiddleHasNoFigure() throws {
        let runs = Mutex(0)
        let unsteady = Subject("b") { _ in
            let count = runs.withLock { count in
                count += 1
                return count
            }
            if count > 4 { throw LeftOut("stuck") }
            return run(1_000)
        }
        let result = try measure(Cell("a", .time, [unsteady, Subject("c") { _ in run(1_000) }]))
        #expect(result.leftOut.map(\.name) == ["b"])
        #expect(result.figures.map(\.name) == ["c"])
    }

    @Test func linesKeepTheirContract() {
        let result = CellResult(
            cell: Cell("ring/\"x\"", .throughput, []),
            figures: [(Cell.own, Samples([2, 4, 3])), ("peer", Samples([1, 2, 3]))], leftOut: [],
            disturbance: Disturbance(others: 0, stolen: 0))
        let title = #""title":"ring/\"x\"""#
        let own = title + #","subject":"gyre","metric":"throughput","unit":"Mops/s","#
        let peer = title + #","subject":"peer","metric":"throughput","unit":"Mops/s","#
        let ratio = title + #","subject":"gyre","metric":"ratio","unit":"x","peer":"peer","q1":1.5,"q3":2.0,"#
        let lines = Report.lines(result)
        #expect(lines.count == 3)
        #expect(lines[0] == "{" + own + #""min":2.0,"median":3.0,"max":4.0,"samples":3}"#)
        #expect(lines[1] == "{" + peer + #""min":1.0,"median":2.0,"max":3.0,"samples":3}"#)
        #expect(lines[2] == "{" + ratio + #""min":1.0,"median":2.0,"max":2.0,"samples":3}"#)
    }

    @Test func furtherFiguresOfACellAreOfTheSameRuns() throws {
        let runs = Mutex(UInt64(0))
        let subject = Subject("b") { operations in
            var run = run(1_000)
            run.p50 = operations
            run.p99 = runs.withLock { count in
                count += 1
                return count
            }
            return run
        }
        let results = try engine.measure(
            Cell("a", .p50, effort: .each(7), also: [Cell.View(" p99", .p99)], [subject]))
        #expect(results.map(\.cell.title) == ["a", "a p99"])
        #expect(results[0].figures[0].samples.values == [7, 7, 7])
        #expect(results[1].figures[0].samples.values == [1, 2, 3])
    }

    @Test func whoIsTooSlowForAMillionHasFewer() throws {
        func operations(nanosecondsEach: UInt64) throws -> UInt64 {
            let last = Mutex(UInt64(0))
            let subject = Subject("b") { operations in
                last.withLock { $0 = operations }
                var run = run(operations * nanosecondsEach)
                run.operations = operations
                return run
            }
            _ = try Engine(repetitions: 1, nanosecondsPerRun: 30_000_000).measure(
                Cell("a", .time, effort: .upTo(1_000_000), [subject]))
            return last.withLock { $0 }
        }
        #expect(try operations(nanosecondsEach: 50) == 1_000_000)
        #expect(try operations(nanosecondsEach: 6_000) == 100_000)
    }

    @Test func whoUsesUpTheTimeOfTheCellHasFewerRunsOrNone() throws {
        // Without any expected time, a quick cell has a second for each subject.
        var engine = Engine(repetitions: 99, nanosecondsPerRun: 1_000)
        engine.isQuick = true
        func runs(milliseconds: UInt32) throws -> CellResult {
            let subject = Subject("b") { _ in
                usleep(milliseconds * 1_000)
                return run(1_000)
            }
            let cell = Cell("a", .time, effort: .upTo(1), [subject, Subject("c") { _ in run(1_000) }])
            return try #require(engine.measure(cell).first)
        }
        // There is room for twenty of the 99; a machine that stops for half a second leaves enough.
        let few = try runs(milliseconds: 50)
        #expect((3...20).contains(few.figures[0].samples.count))
        #expect(few.leftOut.isEmpty)
        let none = try runs(milliseconds: 510)
        #expect(none.figures.map(\.name) == ["c"])
        #expect(none.leftOut.map(\.name) == ["b"])
    }

    @Test func aNoisyMachineIsNotJudged() {
        func verdict(_ disturbance: Disturbance) -> String? {
            CellResult(
                cell: Cell("a", .time, targets: [Target(1, ["peer"])], []),
                figures: [(Cell.own, Samples([2])), ("peer", Samples([1]))], leftOut: [], disturbance: disturbance
            ).verdicts.first?.text
        }
        #expect(verdict(Disturbance(others: 0, stolen: 0))?.hasSuffix("missed") == true)
        #expect(verdict(Disturbance(others: 0.2, stolen: 0))?.contains("not judged") == true)
        #expect(verdict(Disturbance(others: 0, stolen: 0.1))?.contains("not judged") == true)
    }
}
