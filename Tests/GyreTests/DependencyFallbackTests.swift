import Gyre
import GyreCore
import GyreTesting
import Testing

@testable import Gyre

/// What is asked instead, in which order, and who is said to have served.
@Suite struct DependencyFallbackTests {
    private let failing = ServiceError(.transient)

    @Test func theFirstStepThatHelpsServes() throws {
        let test = try ManualDependency(.init(bulkhead: Bulkhead()))
        let (stock, failing) = (test.dependency, failing)
        let asked = Order()
        let fallbacks = try Fallbacks<Void, Int>(
            of: stock,
            [
                .init(FallbackStep("permanent only", accepts: .permanent)) { _ in 1 },
                .init(FallbackStep("broken")) { error in
                    #expect(error as? ServiceError == failing)
                    asked.append(2)
                    throw ServiceError(.permanent)
                },
                .init(FallbackStep("last", source: .staleValue)) { error in
                    let isAfterBroken = asked.numbers.last == 2
                    #expect(error as? ServiceError == (isAfterBroken ? ServiceError(.permanent) : failing))
                    asked.append(3)
                    return 3
                },
            ])
        let served = try test.manual.run { try await stock.call(orElse: fallbacks) { _ in throw failing } }
        #expect(served == Served(value: 3, by: .staleValue(name: "last")))
        let again = try test.manual.run { try await stock.call(orElse: fallbacks) { _ in throw failing } }
        #expect(again.by == .staleValue(name: "last") && asked.numbers == [2, 3, 3], "the broken one cools down")
        test.manual.advance(by: .seconds(6))
        _ = try test.manual.run { try await stock.call(orElse: fallbacks) { _ in throw failing } }
        #expect(asked.numbers == [2, 3, 3, 2, 3])
        let primary = try test.manual.run { try await stock.call(orElse: fallbacks) { _ in 9 } }
        #expect(primary == Served(value: 9, by: .primary))
        test.finish()
    }

    @Test func aCancelledCallHasNoFallback() throws {
        let test = try ManualDependency(.init(bulkhead: Bulkhead()))
        let (stock, runtime) = (test.dependency, test.runtime)
        let fallbacks = try Fallbacks<Void, Int>(of: stock, [.init(FallbackStep("any")) { _ in 1 }])
        let call = test.manual.start {
            try await stock.call(orElse: fallbacks) { _ in
                try await runtime.sleep(for: .seconds(60))
                return 2
            }
        }
        test.manual.settle()
        call.cancel()
        test.manual.settle()
        #expect((call.error as? GyreError)?.code == .cancelled)
        test.finish()
    }

    /// The call has 100 ms: the work takes them all, so nobody is asked; a step that hangs ends with the call.
    @Test func theDeadlineIsTheCalls() throws {
        let test = try ManualDependency(
            .init(timeouts: Timeouts(attempt: .milliseconds(40), total: .milliseconds(100)), bulkhead: Bulkhead()))
        let (stock, runtime) = (test.dependency, test.runtime)
        let fallbacks = try Fallbacks<Void, Int>(
            of: stock,
            [
                .init(FallbackStep("hangs")) { _ in
                    try await runtime.sleep(for: .seconds(60))
                    return 1
                },
                .init(FallbackStep("after it")) { _ in 2 },
            ])
        let error = #expect(throws: GyreError.self) {
            try test.manual.run {
                try await stock.call(orElse: fallbacks) { _ in
                    try await runtime.sleep(for: .seconds(60))
                    return 0
                }
            }
        }
        #expect(error?.code == .deadlineExceeded && test.elapsed == .milliseconds(100))
        test.finish()
    }

    @Test func aStepIsToldWhatIsAskedFor() throws {
        let test = try ManualDependency(.init(bulkhead: Bulkhead()))
        let (stock, failing) = (test.dependency, failing)
        let fallbacks = try Fallbacks(
            of: stock, [.init(FallbackStep("length")) { (article: String, _) in article.count }])
        for article in ["ink", "paper"] {
            let served = try test.manual.run {
                try await stock.call(orElse: fallbacks, for: article) { _ in throw failing }
            }
            #expect(served == Served(value: article.count, by: .fallback(name: "length", index: 0)))
        }
        test.finish()
    }

    /// The only permit is taken: the dependency's own fallback has no call to help, the one around it has.
    @Test func whoIsRefusedHasOnlyTheFallbackOutside() throws {
        let test = try ManualDependency(.init(bulkhead: Bulkhead(permits: 1)))
        let (stock, runtime) = (test.dependency, test.runtime)
        let outside = try Dependency("any stock", on: runtime, .none)
        let inner = try Fallbacks<Void, Int>(of: stock, [.init(FallbackStep("inner")) { _ in 1 }])
        let outer = try Fallbacks<Void, Int>(of: outside, [.init(FallbackStep("outer")) { _ in 2 }])
        let holder = test.manual.start {
            try await stock.call { _ in
                try await runtime.sleep(for: .seconds(1))
                return 0
            }
        }
        test.manual.settle()
        let refused = #expect(throws: GyreError.self) {
            try test.manual.run { try await stock.call(orElse: inner) { _ in 0 } }
        }
        #expect(refused?.policy == .bulkhead)
        let served = try test.manual.run {
            try await outside.call(orElse: outer) { _ in try await stock.call(orElse: inner) { _ in 0 }.value }
        }
        #expect(served == Served(value: 2, by: .fallback(name: "outer", index: 0)))
        test.manual.advance(by: .seconds(2))
        #expect(holder.error == nil)
        test.finish()
    }

    // MARK: - Groups

    @Test func aProviderThatKeepsFailingIsLeftOutForAWhile() throws {
        let manual = try ManualRuntime()
        let names = ["a", "b", "c"]
        let providers = try names.map { try Dependency($0, on: manual.runtime, .none) }
        let group = try DependencyGroup("models", providers, ProviderGroup(errorsMax: 2))
        @Sendable func work(_ provider: Dependency, _ attempt: Attempt) async throws -> String {
            if provider.name == "b" { throw ServiceError(.transient) }
            return provider.name
        }
        var failures = 0
        for _ in 0..<12 {
            do {
                let (name, provider) = try manual.run { try await group.call(work) }
                #expect(name == provider.name)
            } catch {
                failures += 1
            }
        }
        #expect(failures == 2 && group.ejectedProviders.map(\.name) == ["b"])
        manual.advance(by: .seconds(31))
        #expect(group.ejectedProviders.isEmpty)
        manual.finish()
    }

    @Test func theLastProviderIsNeverLeftOut() throws {
        let manual = try ManualRuntime()
        let only = try Dependency("only", on: manual.runtime, .none)
        let group = try DependencyGroup("models", [only], ProviderGroup(errorsMax: 1))
        for _ in 0..<5 {
            #expect(throws: ServiceError(.transient)) {
                try manual.run { try await group.call { _, _ in throw ServiceError(.transient) } }
            }
        }
        #expect(group.ejectedProviders.isEmpty)
        manual.finish()
        #expect(throws: ConfigurationError.self) { try DependencyGroup("none", [], ProviderGroup()) }
    }
}
