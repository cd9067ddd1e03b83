public import Gyre

/// Asks a journal about every rule of ``Gyre/Journal``.
///
/// ```swift
/// let findings = await JournalConformance { try MyJournal(at: emptyFile()) }.findings()
/// #expect(findings.isEmpty)
/// ```
public struct JournalConformance: Sendable {
    private let make: @Sendable () async throws -> any Journal

    /// - Parameter make: Makes an empty journal. Called once for each rule.
    public init(_ make: @escaping @Sendable () async throws -> any Journal) { self.make = make }

    /// The rules that are not kept. Empty when all is well.
    public func findings() async -> [ConformanceFinding] {
        var findings: [ConformanceFinding] = []
        await check("1: what was appended is there", &findings) { try await keepsWhatItTook(make()) }
        await check("2: the first success stands", &findings) { try await firstSuccessStands(make()) }
        await check("2: a failure does not stand in the way", &findings) { try await failureGivesWay(make()) }
        await check("2: another input is another entry", &findings) { try await fingerprintsDiffer(make()) }
        await check("3: in order, and of one run", &findings) { try await loadsInOrder(make()) }
        await check("4: forgetting is of one run", &findings) { try await forgets(make()) }
        await check("5: everybody gets the same success", &findings) { try await agrees(make()) }
        return findings
    }

    private func entry(
        _ ending: JournalEntry.Ending, run: RunKey = "run", node: String = "node", input: UInt8 = 1
    ) -> JournalEntry {
        JournalEntry(
            run: run, node: node, fingerprint: Fingerprint(handler: "handler", version: 1, input: [input]),
            ending: ending)
    }

    private func keepsWhatItTook(_ journal: any Journal) async throws {
        // Bytes that a store of text would damage, and none at all.
        let entries = [
            entry(.succeeded([]), node: "empty"), entry(.succeeded([0, 10, 13, 255, 0]), node: "bytes"),
            entry(.failed("it's \"bad\"\n"), node: "a name with\nlines and ünïcode"),
        ]
        for entry in entries {
            let kept = try await journal.append(entry)
            try demand(kept == entry, "append of \(entry) returned \(kept)")
        }
        let loaded = try await journal.load("run")
        try demand(loaded == entries, "\(entries) was appended and \(loaded) loaded")
    }

    private func firstSuccessStands(_ journal: any Journal) async throws {
        let first = try await journal.append(entry(.succeeded([1])))
        for late in [entry(.succeeded([2])), entry(.failed("late"))] {
            let kept = try await journal.append(late)
            try demand(kept == first, "append after a success returned \(kept)")
        }
        let loaded = try await journal.load("run")
        try demand(loaded == [first], "after three appends of one call \(loaded) is there")
    }

    private func failureGivesWay(_ journal: any Journal) async throws {
        let failures = [entry(.failed("once")), entry(.failed("twice"))]
        for failure in failures { try await journal.append(failure) }
        let success = entry(.succeeded([3]))
        let kept = try await journal.append(success)
        try demand(kept == success, "a success after failures returned \(kept)")
        let loaded = try await journal.load("run")
        try demand(loaded == failures + [success], "two failures and a success are \(loaded)")
    }

    private func fingerprintsDiffer(_ journal: any Journal) async throws {
        let calls = [entry(.succeeded([1]), input: 1), entry(.succeeded([2]), input: 2)]
        for call in calls {
            let kept = try await journal.append(call)
            try demand(kept == call, "a call with another input returned \(kept)")
        }
        let loaded = try await journal.load("run")
        try demand(loaded == calls, "two inputs of one node are \(loaded)")
    }

    private func loadsInOrder(_ journal: any Journal) async throws {
        let unknown = try await journal.load("unknown")
        try demand(unknown.isEmpty, "a run that is not known has \(unknown)")
        for number in 0..<100 {
            let run: RunKey = number.isMultiple(of: 2) ? "even" : "odd"
            try await journal.append(entry(.succeeded([]), run: run, node: "\(number)"))
        }
        for (run, first) in [("even", 0), ("odd", 1)] as [(RunKey, Int)] {
            let nodes = try await journal.load(run).map(\.node)
            try demand(nodes == stride(from: first, to: 100, by: 2).map(String.init), "run \(run) has \(nodes)")
        }
    }

    private func forgets(_ journal: any Journal) async throws {
        for run in ["a", "ab", "b"] as [RunKey] { try await journal.append(entry(.succeeded([1]), run: run)) }
        try await journal.forget("a")
        try await journal.forget("unknown")
        let left = try await [journal.load("a"), journal.load("ab"), journal.load("b")].map(\.count)
        try demand(left == [0, 1, 1], "after forgetting a of a, ab, b there are \(left)")
        let anew = try await journal.append(entry(.succeeded([2]), run: "a"))
        try demand(anew.output == [2], "a run that was forgotten still had \(anew)")
    }

    private func agrees(_ journal: any Journal) async throws {
        let seen = try await withThrowingTaskGroup(of: JournalEntry.self) { group in
            for number in 0..<32 as Range<UInt8> {
                group.addTask { try await journal.append(entry(.succeeded([number]))) }
            }
            return try await group.reduce(into: Set<JournalEntry>()) { $0.insert($1) }
        }
        let loaded = try await journal.load("run")
        try demand(seen.count == 1, "32 appends at once returned \(seen.count) outcomes")
        try demand(loaded == Array(seen), "they returned \(seen) and \(loaded) is there")
    }
}
