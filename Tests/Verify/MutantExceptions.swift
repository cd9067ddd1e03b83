/// Mutants that the checker need not kill, each with its reason. At present it kills them all.
extension MutantException {
    static let all: [MutantException] = []
}

extension MutantException {
    /// Files with atomic operations that no harness covers, each with the reason and with what looks at it instead.
    static let files: [(path: String, reason: String)] = [
        (
            "include/gyre_atomic.h",
            "it says what the names mean: to the checker, which the litmus programs hold to C11, and to the machine, "
                + "which a rule of the tidy tests does"
        )
    ]
}
