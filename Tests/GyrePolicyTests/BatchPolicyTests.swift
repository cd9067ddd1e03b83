import GyreCore
import GyrePolicy
import Testing

@Suite struct BatchPolicyTests {
    private func at(_ microseconds: UInt64) -> MonotonicInstant {
        MonotonicInstant(nanoseconds: microseconds * 1_000)
    }

    private func member(
        _ id: UInt64, _ arrival: UInt64, deadline: MonotonicInstant = .distantFuture
    ) -> BatchMember<UInt64> {
        BatchMember(id, id: id, arrival: at(arrival), deadline: deadline)
    }

    @Test func withoutADelayWhatIsThereGoes() throws {
        let policy = try BatchPolicy(max: 8)
        #expect(policy.decide([member(1, 5)], size: 8, expectedNanoseconds: 0, at: at(5)) == .send(.waited))
    }

    @Test func aBatchGoesFullOrWhenItsFirstHasWaited() throws {
        let policy = try BatchPolicy(max: 3, within: .microseconds(100))
        let two = [member(1, 10), member(2, 60)]
        #expect(policy.decide(two, size: 3, expectedNanoseconds: 0, at: at(60)) == .wait(until: at(110)))
        #expect(policy.decide(two, size: 3, expectedNanoseconds: 0, at: at(110)) == .send(.waited))
        #expect(policy.decide(two + [member(3, 61)], size: 9, expectedNanoseconds: 0, at: at(61)) == .send(.full))
        #expect(policy.decide(two, size: 2, expectedNanoseconds: 0, at: at(60)) == .send(.full))
    }

    @Test func whoHasWaitedLongestCountsWhereverItStands() throws {
        let policy = try BatchPolicy(max: 8, within: .microseconds(100))
        let members = [member(1, 50), member(2, 10)]
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 0, at: at(60)) == .wait(until: at(110)))
    }

    @Test func aMemberWhoseDeadlineCannotWaitGoesAtOnce() throws {
        let policy = try BatchPolicy(max: 8, within: .milliseconds(10))
        let members = [member(1, 0), member(2, 0, deadline: at(500))]
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 300_000, at: at(0)) == .wait(until: at(200)))
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 300_000, at: at(200)) == .send(.deadline))
        #expect(policy.decide(members, size: 8, expectedNanoseconds: 900_000, at: at(0)) == .send(.deadline))
    }

    @Test(arguments: [
        (0, Duration.zero, Duration?.none, "max"), (1, .seconds(-1), nil, "within"), (1, .zero, .zero, "goal"),
    ])
    func whatMakesNoSenseIsNamed(max: Int, within: Duration, goal: Duration?, field: String) {
        #expect { try BatchPolicy(max: max, within: within, goal: goal) } throws: { error in
            (error as? ConfigurationError)?.field == field
        }
    }
}
