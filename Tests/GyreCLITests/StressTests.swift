import Glibc
import Gyre
import GyreCore
import Testing

@testable import GyreCLI

/// The ledger is shown to find: by ends that contradict each other, and by mistakes planted into real rounds.
///
/// One at a time: each round has workers of its own.
@Suite(.serialized) struct StressTests {
    /// Of a runtime that did nothing.
    private static let empty = RuntimeSnapshot(uptime: .seconds(1), clock: MonotonicClock.system().description)

    /// A ledger of one entry, without what the runtime counted.
    private func findings(_ kind: StressKind, starts: Int, _ ends: StressEnd..., isWhole: Bool = true) -> [String] {
        let entry = StressEntry(kind)
        for _ in 0..<starts { entry.start() }
        for end in ends { entry.end(end) }
        return StressLedger([entry], isWhole: isWhole, snapshot: Self.empty).findings.filter { $0.hasPrefix("submit") }
    }

    @Test func whatHasOneFateIsFine() {
        for kind in StressKind.allCases {
            #expect(findings(kind, starts: 1, .accepted) == [])
            #expect(findings(kind, starts: 1, .succeeded) == [])
            #expect(findings(kind, starts: 1, .failed) == [])
            #expect(findings(kind, starts: 0, .timedOut) == [])
            #expect(findings(kind, starts: 0, .cancelled(.user)) == [])
            #expect(findings(kind, starts: 0, .skipped) == [])
            for error in [SubmitError.full, .closed, .late] {
                #expect(findings(kind, starts: 0, .refused(error)) == [])
            }
        }
        #expect(findings(.ticket, starts: 0, .withdrawn) == [])
        #expect(findings(.late, starts: 0, .accepted) == [])
        #expect(findings(.fire, starts: 0, .accepted, isWhole: false) == [])
        for kind in [StressKind.async, .run] {
            #expect(findings(kind, starts: 1, .timedOut) == [])
            #expect(findings(kind, starts: 1, .cancelled(.shutdown)) == [])
        }
    }

    @Test func whatHasAnotherNumberOfFatesIsFound() {
        for kind in StressKind.allCases {
            #expect(findings(kind, starts: 2, .accepted).count == 1, "doubled")
            #expect(findings(kind, starts: 2, .succeeded).count == 1, "doubled")
            #expect(findings(kind, starts: 0, .succeeded).count == 1, "an outcome from nowhere")
            #expect(findings(kind, starts: 1).count == 1, "no end")
            #expect(findings(kind, starts: 1, .succeeded, .succeeded).count == 1, "two ends")
            #expect(findings(kind, starts: 1, .wrong("value")).count == 1)
            for end in [StressEnd.refused(.full), .refused(.late), .withdrawn, .skipped] {
                #expect(findings(kind, starts: 1, end).count == 1, "ran nevertheless")
            }
        }
        for kind in [StressKind.fire, .ticket, .post] {
            #expect(findings(kind, starts: 0, .accepted).count == 1, "lost")
            #expect(findings(kind, starts: 1, .timedOut).count == 1)
            #expect(findings(kind, starts: 1, .cancelled(.user)).count == 1)
        }
    }

    @Test func theRuntimesOwnCountsMustAgree() {
        let entry = StressEntry(.post)
        entry.start()
        entry.end(.accepted)
        let ledger = StressLedger([entry], isWhole: true, snapshot: Self.empty)
        #expect(ledger.sums.ran == 1)
        #expect(ledger.findings.contains { $0.hasPrefix("1 ran by the ledger, 0 by the runtime") })
        #expect(ledger.findings.contains { $0.hasPrefix("1 taken on by the ledger, 0 by the runtime") })
    }

    /// Runs a round on a thread of its own: its async submits want the threads that tests run on, and on one processor
    /// there is a single one, which must not be blocked.
    private func ledger(of round: StressRound) async throws -> StressLedger {
        let result: Result<StressLedger, any Error> = await untilWoken { continuation in
            do {
                let thread = try PosixThread(name: "round") {
                    continuation.wake(returning: Result { try round.run() })
                }
                thread.detach()
            } catch {
                continuation.wake(returning: .failure(error))
            }
        }
        return try result.get()
    }

    @Test(arguments: 0..<8 as Range<UInt64>) func roundsOfManyShapesAreClean(round: UInt64) async throws {
        let ledger = try await ledger(of: StressRound(plan: StressPlan(seed: 1, round: round)))
        #expect(ledger.findings == [])
        #expect(ledger.sums.settled == ledger.sums.submitted)
        #expect(ledger.sums.submitted >= 200)
    }

    /// Rounds of a seed that are drained at their end.
    private func wholePlan() throws -> StressPlan {
        try #require((0..<50).map { StressPlan(seed: 2, round: $0) }.first { $0.ending == .whole })
    }

    @Test func aPlantedLossIsFound() async throws {
        let ledger = try await ledger(of: StressRound(plan: try wholePlan(), plant: .loss(at: 150)))
        #expect(ledger.findings.contains { $0.contains("was taken on and lost, began 0 times") })
    }

    @Test func aPlantedDoubleIsFound() async throws {
        let ledger = try await ledger(of: StressRound(plan: try wholePlan(), plant: .double(at: 150)))
        #expect(ledger.findings.contains { $0.hasPrefix("submit") && $0.hasSuffix("began 2 times") })
    }

    @Test func aFindingComesWithItsReplayLine() async throws {
        let plan = try wholePlan()
        var summary = StressSummary(seed: plan.seed)
        summary.add(try await ledger(of: StressRound(plan: plan, plant: .loss(at: 150))), of: plan)
        #expect(summary.complaint.hasSuffix("\nreplay: gyre stress --seed 2 --round \(plan.round) --minutes 1"))
        #expect(summary.text(after: .seconds(1)).contains("\nfindings"))
        let command = try #require(
            try GyreCommand.parseAsRoot(
                StressSummary.replayLine(plan).split(separator: " ").dropFirst().map(String.init)) as? StressCommand)
        #expect(command.seed == plan.seed && command.round == plan.round)
    }

    @Test func aSeedChoosesTheSameRounds() {
        for round in 0..<20 as Range<UInt64> {
            let (first, second) = (StressPlan(seed: 3, round: round), StressPlan(seed: 3, round: round))
            #expect(first.ending == second.ending && first.workers == second.workers && first.submits == second.submits)
            var (one, another) = (first.chance(ofProducer: 1), second.chance(ofProducer: 1))
            #expect(one.next() == another.next())
            var other = first.chance(ofProducer: 0)
            #expect(one.state != other.state && other.next() != one.next())
        }
        let endings = (0..<50).map { StressPlan(seed: 3, round: $0).ending }
        #expect(endings.contains(.whole) && endings.contains { $0 != .whole })
    }

    // MARK: - The program

    @Test func theProgramEndsWithItsSums() throws {
        let result = try GyreProcess(["stress", "--seed", "5", "--minutes", "0.001"]).run()
        #expect(result.status == 0)
        #expect(result.errors == "")
        #expect(result.output.hasPrefix("seed 5, "))
        #expect(result.output.hasSuffix("\nfindings        0\n") || result.output.contains("findings"))
    }

    @Test func anInterruptedProgramEndsItsRoundAndSaysSo() throws {
        let result = try GyreProcess(["stress", "--seed", "6", "--minutes", "600"])
            .runOnTerminal(sending: SIGINT, after: "round 1 ")
        #expect(result.status == 4)
        let (hasSums, saysWhy) = (
            result.text.contains("seed 6, "),
            result.text.contains("interrupted by signal 2: every round that began was ended")
        )
        #expect(hasSums && saysWhy)
    }

    @Test(arguments: [["--minutes", "0"], ["--minutes", "x"], ["--seed", "-1"]])
    func whatCannotBeUsedIsNamed(arguments: [String]) throws {
        let result = try GyreProcess(["stress"] + arguments).run()
        #expect(result.status == 2)
        #expect(result.errors.contains(arguments[0]))
    }
}
