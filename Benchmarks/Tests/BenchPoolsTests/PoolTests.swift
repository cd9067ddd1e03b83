import BenchKit
import Testing

@testable import BenchPools

/// Every subject of this program does every kind of run that it has, and its count and sum are right.
///
/// Runs wait as threads do. So they have a thread of their own, as they have in the program: on one of the default
/// executor's they would hold up the tasks of subjects that live there, for good where that has no other thread.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PoolTests {
    private static let subjects = [
        "gyre", "gyre-unstamped", "dispatch", "operation-queue", "swift-task", "nio", "mutex", "tbb",
    ]

    private nonisolated(unsafe) static let pools = Pools()  // one test at a time

    private func run(_ request: PoolRequest) async throws -> Run {
        let answer = await withCheckedContinuation { continuation in
            _ = Thread { continuation.resume(returning: PoolServer.run(request, Self.pools)) }
        }
        let run = try #require(answer, "\(request.line)")
        #expect(run.complaint == nil, "\(request.line)")
        return run
    }

    @Test(arguments: subjects, [PoolRequest.Body.empty, .word, .work])
    func floodsAddUp(subject: String, body: PoolRequest.Body) async throws {
        for submitters in [1, 4] as [UInt64] {
            let run = try await run(
                PoolRequest(subject, .post, body, submitters: submitters, operations: 4_000, rounds: 10))
            #expect(run.operations == 4_000)
        }
    }

    @Test(arguments: subjects, [PoolRequest.Kind.fanOut, .tree])
    func whatTasksSubmitAddsUp(subject: String, kind: PoolRequest.Kind) async throws {
        _ = try await run(PoolRequest(subject, kind, .word, operations: 10_000))
    }

    @Test(arguments: subjects)
    func anIdlePoolIsMeasuredForItsTime(subject: String) async throws {
        let run = try await run(PoolRequest(subject, .idleProcessor, operations: 5))
        #expect(run.operations == 5)
        #expect(run.nanoseconds < 100_000_000, "more than the cores have in this time, and then some")
    }

    @Test(arguments: subjects, [PoolRequest.Kind.idleStart, .paced, .openLoop])
    func latenciesAreOfEachTask(subject: String, kind: PoolRequest.Kind) async throws {
        let run = try await run(PoolRequest(subject, kind, .work, operations: 100, rounds: 10, load: 30))
        #expect(run.p50 > 0)
        #expect(run.p99 >= run.p50)
    }

    @Test(arguments: ["gyre", "gyre-from-outside", "swift-task", "nio"])
    func everyCallerGetsItsOwnValues(subject: String) async throws {
        _ = try await run(PoolRequest(subject, .run, .word, submitters: 4, operations: 4_000))
    }

    @Test(arguments: ["gyre", "swift-group"], [PoolRequest.Kind.group, .discardingGroup])
    func groupsRunEveryChild(subject: String, kind: PoolRequest.Kind) async throws {
        _ = try await run(PoolRequest(subject, kind, .word, operations: 10_000))
    }

    /// Of Gyre only: what blocks the threads of the default executor blocks this test too.
    @Test(arguments: [PoolRequest.Kind.queued, .timer, .suspended])
    func whatWaitsHoldsMemory(kind: PoolRequest.Kind) async throws {
        let run = try await run(PoolRequest("gyre", kind, .word, operations: 20_000))
        #expect(run.operations == 20_000)
    }

    @Test func aRequestSurvivesItsLine() async throws {
        let request = PoolRequest("gyre", .openLoop, .work, submitters: 2, operations: 3, rounds: 4, load: 5)
        #expect(PoolRequest(line: request.line)?.line == request.line)
        #expect(PoolRequest(line: "pool gyre open-loop work 1 2 3") == nil)
    }

    @Test func nobodyRunsWhatItDoesNotHave() {
        #expect(PoolServer.run(PoolRequest("dispatch", .run, .word, operations: 10), Self.pools) == nil)
    }
}
