import GyreCore
import GyrePolicy
import GyreTesting
import Testing

@Suite struct FaultInjectorTests {
    @Test func callsAreCountedDelayedAndFailed() throws {
        let test = try ManualRuntime()
        let plan = FaultPlan(
            seed: 1, [.init(nil, .all, .delay(.seconds(2))), .init("stock", .call(2), .fail(.overloaded))])
        let faults = FaultInjector(plan, on: test.runtime)
        let start = test.now
        #expect(try test.run { try await faults.call("stock") { 1 } } == 1)
        #expect(throws: InjectedFault(service: "stock", .overloaded)) {
            try test.run { try await faults.call("stock") { 2 } }
        }
        #expect(try test.run { try await faults.call("price") { 3 } } == 3)
        #expect(faults.count(of: "stock") == 2 && faults.count(of: "price") == 1 && faults.count(of: "x") == 0)
        #expect(start.duration(to: test.now) == .seconds(6))
        test.finish()
    }
}
