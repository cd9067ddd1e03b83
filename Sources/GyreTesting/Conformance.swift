/// A rule of a port that an implementation does not keep.
public struct ConformanceFinding: Sendable, Hashable, CustomStringConvertible {
    /// The rule, by its number in the port's documentation, and in words.
    public let rule: String
    /// What was seen.
    public let detail: String

    public var description: String { "\(rule): \(detail)" }
}

/// What did not hold.
struct Breach: Error {
    let detail: String
}

/// Ends the check of a rule when `condition` does not hold.
func demand(_ condition: Bool, _ detail: @autoclosure () -> String) throws(Breach) {
    if !condition { throw Breach(detail: detail()) }
}

/// Checks one rule. An error that an implementation throws where it must not is a finding like any other.
func check(_ rule: String, _ findings: inout [ConformanceFinding], _ body: () async throws -> Void) async {
    do {
        try await body()
    } catch let breach as Breach {
        findings.append(ConformanceFinding(rule: rule, detail: breach.detail))
    } catch {
        findings.append(ConformanceFinding(rule: rule, detail: "it threw \(error)"))
    }
}
