/// Mutants that the checker need not kill, each with its reason. At present it kills them all.
extension MutantException {
    static let all: [MutantException] = []
}
