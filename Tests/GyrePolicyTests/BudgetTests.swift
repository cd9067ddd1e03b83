import GyreCore
import GyrePolicy
import Testing

@Suite struct BudgetTests {
    @Test func whatDoesNotFitIsRefusedBeforeItStarts() {
        let budget = Budget(limit: 100)
        let most = budget.reserve(BudgetState(), 100)
        #expect(most.verdict == .reserved)
        #expect(budget.reserve(most.state, 1).verdict == .exhausted(asked: 1, left: 0))
        #expect(budget.reserve(BudgetState(), .max).verdict == .exhausted(asked: .max, left: 100))
        #expect(budget.left(budget.settle(most.state, reserved: 100, spent: 30)) == 70)
        #expect(budget.left(budget.settle(most.state, reserved: 100, spent: .max)) == 0)
    }

    @Test func retriesUnderOneKeyAreChargedOnce() throws {
        var ledger = try BudgetLedger(Budget(limit: 100))
        #expect(ledger.reserve(40, key: 1) == .reserved)
        #expect(ledger.reserve(40, key: 1) == .reserved)
        #expect(ledger.left == 60)
        #expect(ledger.charge(30, key: 1) == true)
        #expect(ledger.charge(30, key: 1) == false)
        #expect(ledger.reserve(40, key: 1) == .alreadyCharged)
        #expect(ledger.left == 70)
        #expect(ledger.spent == 30)
    }

    @Test func aDearerRetryReservesTheDifference() throws {
        var ledger = try BudgetLedger(Budget(limit: 100))
        _ = ledger.reserve(40, key: 1)
        #expect(ledger.reserve(90, key: 1) == .reserved)
        #expect(ledger.left == 10)
        #expect(ledger.reserve(101, key: 1) == .exhausted(asked: 11, left: 10))
        #expect(ledger.release(key: 1) == true)
        #expect(ledger.release(key: 1) == false)
        #expect(ledger.left == 100)
    }

    @Test func chargedKeysAreForgottenOldestFirstAndReservedOnesNever() throws {
        var ledger = try BudgetLedger(Budget(limit: 100), keysMax: 2)
        _ = ledger.reserve(1, key: 1)
        ledger.charge(1, key: 1)
        _ = ledger.reserve(1, key: 2)
        #expect(ledger.reserve(1, key: 3) == .reserved)
        #expect(ledger.reserve(1, key: 4) == .tooManyKeys(keysMax: 2))
        ledger.charge(1, key: 2)
        #expect(ledger.reserve(1, key: 1) == .reserved, "1 was forgotten")
        #expect(ledger.charge(1, key: 2) == false)
        #expect(throws: ConfigurationError.self) { try BudgetLedger(Budget(limit: 1), keysMax: 0) }
    }

    /// B1 and the ledger against plain sums.
    @Test func theSumsAreRightAndFailClosed() throws {
        forSeeds { random in
            let keysMax = Int.random(in: 1...6, using: &random)
            var ledger = try BudgetLedger(Budget(limit: 100), keysMax: keysMax)
            var reserved: [UInt64: UInt64] = [:]
            var spent: UInt64 = 0
            var overrun: UInt64 = 0
            for _ in 0..<40 {
                let key = UInt64.random(in: 0...8, using: &random)
                let amount = UInt64.random(in: 0...40, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0, 1:
                    if ledger.reserve(amount, key: key) == .reserved {
                        reserved[key] = max(reserved[key] ?? 0, amount)
                    }
                case 2:
                    let isCharged = ledger.charge(amount, key: key)
                    try require(isCharged == (reserved[key] != nil), "charge of key \(key)")
                    if let held = reserved.removeValue(forKey: key) {
                        spent += amount
                        overrun += amount - min(amount, held)
                    }
                default:
                    let isReleased = ledger.release(key: key)
                    try require(isReleased == (reserved.removeValue(forKey: key) != nil), "release of key \(key)")
                }
                let total = spent + reserved.values.reduce(0, +)
                try require(ledger.left == 100 - min(100, total), "\(ledger.left) left of 100, \(total) are taken")
                try require(ledger.spent == spent, "\(ledger.spent) spent, not \(spent)")
                try require(total <= 100 + overrun, "\(total) taken of 100, \(overrun) were dearer than reserved")
                try require(reserved.count <= keysMax, "\(reserved.count) keys")
            }
        }
    }
}
