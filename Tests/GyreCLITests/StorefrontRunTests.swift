import Foundation
import Gyre
import Testing

@testable import GyreCLI

@Suite struct StorefrontRunTests {
    private struct Broken: Error, CustomStringConvertible {
        let description = "broken"
    }

    /// A line that says something of its own for each purchase.
    private func line(_ customer: UInt32) throws -> DecisionLine {
        let date = try #require(CalendarDate(year: 1997, month: 1, day: 1))
        let purchase = Purchase(index: 0, customer: customer, date: date, discs: 1, cents: 100)
        let behaviour = Behaviour(recency: nil, frequency: 1, spendCents: 100, tier: .new, lateAfter: nil)
        return purchase.notify(Decision(behaviour: behaviour, offer: nil), .standard)
    }

    @Test func aPassEndsWithItsLastPurchase() throws {
        let buffer = DecisionBuffer(count: 3)
        let pass = StorefrontPass(decisions: buffer, isFirst: true, purchases: 3)
        pass.take(.succeeded(try line(1)), of: 1)
        pass.take(.succeeded(try line(0)), of: 0)
        pass.leave(1)
        pass.wait { Issue.record("the pass has ended") }
        #expect(pass.firstTrouble == nil)
        #expect(buffer.holds(try line(0), at: 0))
        #expect(buffer.holds(try line(1), at: 1))
        #expect(!buffer.holds(try line(1), at: 0))
    }

    @Test func aLaterPassThatDecidesOtherwiseIsNoticed() throws {
        let buffer = DecisionBuffer(count: 2)
        buffer.store(try line(10), at: 0)
        buffer.store(try line(11), at: 1)
        let pass = StorefrontPass(decisions: buffer, isFirst: false, purchases: 2)
        pass.take(.succeeded(try line(10)), of: 0)
        #expect(pass.firstTrouble == nil)
        pass.take(.succeeded(try line(12)), of: 1)
        #expect(pass.firstTrouble == "line 2 is not decided as in the first pass")
        #expect(buffer.holds(try line(11), at: 1))
    }

    @Test func aTaskThatFailedIsNoticed() {
        let pass = StorefrontPass(decisions: DecisionBuffer(count: 2), isFirst: true, purchases: 2)
        pass.take(.failed(Broken()), of: 1)
        pass.take(.upstreamFailed(because: "price"), of: 0)
        pass.wait { Issue.record("the pass has ended") }
        #expect(pass.firstTrouble == "purchase 2: broken")
    }

    @Test func aBufferIsWrittenInOrder() throws {
        let folder = try TemporaryFolder()
        // More than one chunk of 64 KiB.
        let buffer = DecisionBuffer(count: 2_000)
        for index in UInt32(0)..<2_000 { buffer.store(try line(index), at: index) }
        let file = try WholeFile(replacing: folder.path("decisions"))
        try buffer.write(to: file)
        try file.commit()
        let expected = (0..<2_000).map { index in
            "19970101\t\(String(format: "%05d", index))\tnew\t-\t1\t1.00\tnone\t-\t-\t"
                + "Thank you for your order of 1 CDs for 1.00.\n"
        }
        #expect(firstDifference(try folder.text("decisions").utf8, expected.joined()) == nil)
    }

    /// The log of the sample on a runtime in this process, where sanitizers of the tests see it.
    @Test func aRunStopsWhenItIsAskedTo() throws {
        let log = try PurchaseLog(path: workload.appending(path: "CDNOW_sample.txt").path)
        let runtime = try Runtime(Runtime.Configuration(workers: 2))
        let run = StorefrontRun(runtime: runtime, log: log, length: .passes(3))
        var questions = 0
        let summary = try run.replay(
            interruption: {
                questions += 1
                return questions == 40 ? 15 : nil
            }, progress: { _ in })
        runtime.drainBlocking()
        #expect(summary.signal == 15)
        #expect(summary.passes == 1)
        #expect(summary.purchases == 6_919 + (40 - 1 - (6_919 + 255) / 256) * 256)
        #expect(summary.trouble == nil)
        #expect(runtime.snapshot().tasksDone == UInt64(summary.purchases * 5))
    }

    @Test func aRunInThisProcessDecidesAsTheReference() throws {
        let log = try PurchaseLog(path: workload.appending(path: "CDNOW_sample.txt").path)
        let runtime = try Runtime(Runtime.Configuration(workers: 3, pinning: .none))
        let run = StorefrontRun(runtime: runtime, log: log, length: .passes(2))
        let summary = try run.replay(interruption: { nil }, progress: { _ in })
        runtime.drainBlocking()
        #expect(summary.trouble == nil)
        #expect(summary.passes == 2)
        let folder = try TemporaryFolder()
        let file = try WholeFile(replacing: folder.path("decisions"))
        try run.decisions.write(to: file)
        try file.commit()
        #expect(firstDifference(try folder.text("decisions").utf8, try DemoTests.expected.get()) == nil)
    }

    @Test func theExitCodeFollowsFromWhatHappened() throws {
        let log = try PurchaseLog(bytes: Array("4 1 19970101 2 29.33".utf8), name: "log")
        var snapshot = RuntimeSnapshot(uptime: .seconds(1), clock: MonotonicClock.manual().clock.description)
        var summary = StorefrontRun.Summary()
        func report() -> StorefrontReport {
            StorefrontReport(
                input: "log", log: log, workers: 1, pinning: .soft, summary: summary, snapshot: snapshot)
        }
        #expect(report().exitStatus == .done)
        #expect(report().complaint == nil)
        summary.signal = 2
        #expect(report().exitStatus == .interrupted)
        #expect(report().complaint?.contains("signal 2") == true)
        snapshot.tasksFailed = 3
        #expect(report().exitStatus == .taskFailed)
        #expect(report().complaint == "3 tasks failed")
        summary.trouble = "line 7 is not decided as in the first pass"
        #expect(report().complaint == summary.trouble)
        snapshot.tasksFailed = 0
        #expect(report().exitStatus == .taskFailed)
        #expect([ExitStatus.done, .taskFailed, .usage, .interrupted].map(\.rawValue) == [0, 1, 2, 4])
    }
}
