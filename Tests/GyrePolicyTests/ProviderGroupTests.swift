import GyreCore
import GyrePolicy
import Testing

@Suite struct ProviderGroupTests {
    private let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)

    private func failing(_ times: Int, _ policy: ProviderGroup, from state: ProviderState = .init()) -> ProviderState {
        (0..<times).reduce(state) { state, _ in policy.ending(with: .failed, in: state) }
    }

    @Test func theDefaultsAreTheDocumentedOnes() throws {
        let documented = [
            "errorsMax = 5 (default)", "ejectionBase = 30 s (default)", "ejectionMax = 300 s (default)",
            "ejectedShare = 0.1 (default)", "recovery = 10 s (default)",
        ]
        #expect(try ProviderGroup().settings.map(\.description) == documented)
    }

    @Test func whatIsOutOfRangeIsRefused() {
        #expect(throws: ConfigurationError.self) { try ProviderGroup(errorsMax: 0) }
        #expect(throws: ConfigurationError.self) { try ProviderGroup(ejectionBase: .zero) }
        #expect(throws: ConfigurationError.self) {
            try ProviderGroup(ejectionBase: .seconds(2), ejectionMax: .seconds(1))
        }
        #expect(throws: ConfigurationError.self) { try ProviderGroup(ejectedShare: 2) }
        #expect(throws: ConfigurationError.self) { try ProviderGroup(recovery: .zero) }
    }

    @Test func fiveErrorsInARowMakeAnOutlier() throws {
        let policy = try ProviderGroup()
        #expect(!policy.isOutlier(failing(4, policy)))
        #expect(policy.isOutlier(failing(5, policy)))
        #expect(!policy.isOutlier(failing(4, policy, from: policy.ending(with: .good, in: failing(4, policy)))))
        #expect(policy.ending(with: .nothing, in: failing(4, policy)) == failing(4, policy))
        #expect(failing(1_000, policy).errorsInRow == 5)
    }

    @Test(arguments: [(1, 0), (2, 1), (3, 1), (10, 1), (20, 2), (39, 3), (64, 6)])
    func aTenthMayBeOutAndAlwaysOneButTheLast(count: Int, most: Int) throws {
        #expect(try ProviderGroup().ejectedMax(of: count) == most)
    }

    @Test func theLastIsNeverEjectedWhateverTheShare() throws {
        #expect(try ProviderGroup(ejectedShare: 1).ejectedMax(of: 3) == 2)
        #expect(try ProviderGroup(ejectedShare: 1).ejectedMax(of: 1) == 0)
    }

    @Test func eachEjectionIsLongerUpToTheLongest() throws {
        let policy = try ProviderGroup()
        var state = ProviderState()
        var now = start
        var times: [Int] = []
        for _ in 0..<12 {
            state = policy.ejected(failing(5, policy, from: state), at: now)
            let group = try #require(policy.ejecting(0, of: 2, in: ProviderGroupState()))
            let begun = now
            for _ in 0..<1_000 where policy.returning(0, state, in: group, at: now) == nil {
                now = now + .milliseconds(500)
            }
            times.append(Int((now - begun) / .seconds(1)))
        }
        #expect(times == [30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
    }

    @Test func healthTakesEjectionsBack() throws {
        let policy = try ProviderGroup()
        var state = ProviderState()
        var now = start
        for times in 1...5 {
            state = policy.ejected(state, at: now)
            now = now + .seconds(30 * times) + .milliseconds(2)
        }
        #expect(state.ejections == 5)
        // 35 s of health take three back, and this ejection is added.
        #expect(policy.ejected(state, at: now + .seconds(35)).ejections == 3)
        #expect(policy.ejected(state, at: now + .seconds(86_400)).ejections == 1)
    }

    @Test func callsThatWereUnderWayProlongNothing() throws {
        let policy = try ProviderGroup()
        let out = policy.ejected(failing(5, policy), at: start)
        #expect(policy.ejected(failing(5, policy, from: out), at: start + .seconds(29)) == out)
    }

    @Test func whoIsJustBeingEjectedIsNotAsked() throws {
        let policy = try ProviderGroup()
        let outlier = failing(5, policy)
        let group = try #require(policy.ejecting(1, of: 2, in: ProviderGroupState()))
        #expect(policy.eligible(in: group, count: 2, at: start) { $0 == 1 ? outlier : ProviderState() } == 0b01)
        #expect(policy.returning(1, outlier, in: group, at: start) == nil)
    }

    // MARK: - For every seed

    /// Several callers, each of which may stand still between two of its steps: a look, the exchange of the group, the
    /// exchange of the provider.
    @Test func thereIsAlwaysAProviderAndNeverTooManyAreOut() {
        forSeeds { random in
            let count = Int(random.pick(1...12))
            let policy = try ProviderGroup(
                errorsMax: Int(random.pick(1...3)), ejectionBase: .milliseconds(20), ejectionMax: .milliseconds(60),
                ejectedShare: random.pick([0, 0.1, 0.5, 1]), recovery: .milliseconds(30))
            var group = ProviderGroupState()
            var providers = [ProviderState](repeating: ProviderState(), count: count)
            var pending: [Int] = []  // ejected in the group, not yet in their own word
            var now = start
            for _ in 0..<60 {
                now = now + .milliseconds(Int64(random.pick(0...8)))
                let index = Int(random.pick(0...UInt64(count - 1)))
                switch random.pick(0...5) {
                case 0...2:
                    providers[index] = policy.ending(with: .failed, in: providers[index])
                    if policy.isOutlier(providers[index]), let next = policy.ejecting(index, of: count, in: group) {
                        group = next
                        pending.append(index)
                    }
                case 3:
                    providers[index] = policy.ending(with: random.pick([.good, .nothing]), in: providers[index])
                case 4 where !pending.isEmpty:
                    let ejected = pending.removeFirst()
                    providers[ejected] = policy.ejected(providers[ejected], at: now)
                default:
                    if let next = policy.returning(index, providers[index], in: group, at: now) { group = next }
                }
                let out = (0..<count).count { group.isEjected($0) }
                try require(out <= policy.ejectedMax(of: count), "\(out) of \(count) are out")
                let eligible = policy.eligible(in: group, count: count, at: now) { providers[$0] }
                try require(eligible != 0, "nobody is left")
                try require(eligible >> UInt64(count) == 0, "somebody who is not there")
            }
            // In the end everybody comes back.
            for index in pending { providers[index] = policy.ejected(providers[index], at: now) }
            let later = now + .milliseconds(62)
            for index in 0..<count where !policy.isOutlier(providers[index]) && group.isEjected(index) {
                guard let next = policy.returning(index, providers[index], in: group, at: later) else {
                    throw Counterexample(description: "\(index) of \(count) never comes back")
                }
                group = next
            }
        }
    }
}
