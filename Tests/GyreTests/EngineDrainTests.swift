import Gyre
import GyreCore
import Testing

/// What an engine says when its runtime has ended.
@Suite struct EngineDrainTests {
    /// The runtime's own engine, and one that somebody made on it.
    @Test(arguments: [false, true]) func aDrainEndsTheWaitForAnOutcome(isFurther: Bool) async throws {
        let runtime = try makeRuntime()
        let engine = isFurther ? MemoryEngine(on: runtime) : runtime.engine
        for key in ["ended", "open"] as [JobKey] {
            try await engine.submit(EngineJob(key: key, handler: "quote", input: [1]))
        }
        let turn = try await engine.take(["quote"], by: "test", lease: .seconds(60))
        try await engine.complete(#require(turn.job).lease, .succeeded([7]))
        let waiting = (0..<3).map { _ in Task { try await engine.outcome(of: "open") } }
        let isOver = Task { await runtime.finishAsync() }
        for waiter in waiting {
            await #expect { try await waiter.value } throws: { ($0 as? EngineError)?.code == .closed }
        }
        await isOver.value
        await #expect { try await engine.outcome(of: "open") } throws: { ($0 as? EngineError)?.code == .closed }
        #expect(try await engine.outcome(of: "ended") == .succeeded([7]), "what has ended can still be read")
        await #expect { try await engine.outcome(of: "none") } throws: { ($0 as? EngineError)?.code == .unknown }
    }
}
