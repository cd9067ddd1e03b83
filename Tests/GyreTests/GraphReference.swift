import Gyre
import GyreCore

/// What a case must come to: one node after the other, in the order in which they were added.
extension GraphCase {
    /// The outcome of every node of a run that nobody cuts short.
    func expected() -> [CaseOutcome] {
        var outcomes: [CaseOutcome] = []
        for index in nodes.indices { outcomes.append(ending(of: index, outcomes)) }
        return outcomes
    }

    /// How a node ends when its parents have ended as `outcomes` says and its run goes on.
    func ending(of index: Int, _ outcomes: [CaseOutcome]) -> CaseOutcome {
        let node = nodes[index]
        var seen: [CaseOutcome] = []
        var takesPart = node.edges.isEmpty
        for edge in node.edges {
            let outcome = outcomes[edge.parent]
            if Self.lets(outcome.number, through: edge) {
                takesPart = true
                seen.append(outcome)
            } else {
                seen.append(.skipped(nodes[edge.parent].name))
            }
        }
        if node.rule != .always {
            if seen.contains(.cancelled) && !isFreeOfParents(node) { return .cancelled }
            if !takesPart, let first = node.edges.first { return .skipped(nodes[first.parent].name) }
            if let ending = refusal(node, seen) { return ending }
        }
        switch node.behaviour {
        case .fails: return .failed(index)
        case .throwsCancel: return .skipped(node.name)
        case .succeeds:
            let given = node.shape.takesOutcomes || node.shape.takesValues ? seen.map(\.number) : []
            return .succeeded(Self.mix(index, given))
        }
    }

    /// Whether a node runs whatever its parents come to, because it takes no value of theirs.
    private func isFreeOfParents(_ node: CaseNode) -> Bool {
        mode == .continueAll && node.rule == .allSucceeded && !node.shape.takesValues && !node.shape.takesOutcomes
    }

    /// How a node ends whose rule does not hold, or `nil`.
    private func refusal(_ node: CaseNode, _ seen: [CaseOutcome]) -> CaseOutcome? {
        let succeeded = seen.filter { if case .succeeded = $0 { true } else { false } }.count
        let failed = zip(node.edges, seen).compactMap { edge, outcome -> String? in
            switch outcome {
            case .failed: return nodes[edge.parent].name
            case .upstreamFailed(let node): return node
            default: return nil
            }
        }
        let skipped = seen.compactMap { outcome -> String? in
            if case .skipped(let node) = outcome { return node }
            return nil
        }
        let first = node.edges.first.map { nodes[$0.parent].name } ?? ""
        let holds: Bool
        switch node.rule {
        case .allSucceeded: holds = isFreeOfParents(node) || succeeded == seen.count
        case .allDone, .always: holds = true
        case .anySucceeded: holds = succeeded > 0
        case .anyFailed: holds = !failed.isEmpty
        case .noneFailed: holds = failed.isEmpty
        case .noneFailedMinOneSuccess: holds = failed.isEmpty && succeeded > 0
        }
        if holds { return nil }
        if let failed = failed.first { return .upstreamFailed(failed) }
        return .skipped(skipped.first ?? first)
    }

    // MARK: - Judging a run

    /// What is wrong with a run of this case, or `nil`.
    func findFault(_ result: GraphResult, _ built: BuiltCase, _ probe: GraphProbe) -> String? {
        let outcomes = built.nodes.map { CaseOutcome(result[$0]) }
        let mayBeCut = isCancelled || mode == .failFast || mode == .compensate
        let expected = expected()
        for index in nodes.indices {
            let wanted = mayBeCut ? ending(of: index, outcomes) : expected[index]
            let isCut = mayBeCut && outcomes[index] == .cancelled && nodes[index].rule != .always
            if outcomes[index] != wanted && !isCut && !(mayBeCut && isCutWithin(index, outcomes, result)) {
                return "\(nodes[index].name) is \(outcomes[index]) and not \(wanted): \(self)"
            }
            if let fault = faultOfCalls(index, outcomes[index], probe) { return fault }
        }
        let failures = outcomes.contains { if case .failed = $0 { true } else { false } }
        if outcomes.contains(.cancelled), !isCancelled, !failures { return "cancelled for no reason: \(self)" }
        return faultOfUndos(outcomes, result, probe)
    }

    /// Helper nodes of a map may be cancelled in its place, and a body that throws a cancel in a run that is cut is
    /// cancelled rather than skipped.
    private func isCutWithin(_ index: Int, _ outcomes: [CaseOutcome], _ result: GraphResult) -> Bool {
        guard outcomes[index] == .cancelled else { return false }
        return nodes[index].shape == .map || nodes[index].behaviour == .throwsCancel
    }

    private func faultOfCalls(_ index: Int, _ outcome: CaseOutcome, _ probe: GraphProbe) -> String? {
        let calls = probe.bodies[index]
        let ran: ClosedRange<Int>
        switch outcome {
        case .succeeded, .failed: ran = 1...1
        case .skipped(let node): ran = node == nodes[index].name ? 1...1 : 0...0
        case .upstreamFailed: ran = 0...0
        case .cancelled: ran = 0...1
        }
        return ran.contains(calls) ? nil : "\(nodes[index].name), \(outcome), was called \(calls) times: \(self)"
    }

    private func faultOfUndos(_ outcomes: [CaseOutcome], _ result: GraphResult, _ probe: GraphProbe) -> String? {
        let isCut = outcomes.contains { outcome in
            if case .failed = outcome { return true }
            return outcome == .cancelled
        }
        var wanted: Set<String> = []
        for (index, node) in nodes.enumerated() {
            var attempts = 0
            if isCut || isCancelled, case .succeeded = outcomes[index], node.undo != .none {
                wanted.insert(node.name)
                attempts = node.undo == .failing ? 2 : 1
            }
            let calls = probe.undos[index]
            // A cancel may come when all is done, or not: then nothing or everything is undone.
            if calls != attempts && !(isCancelled && !isCut && calls == 0) {
                return "\(node.name) was undone \(calls) times and not \(attempts): \(self)"
            }
        }
        let undone = result.undone.map(\.name)
        if Set(undone).count != undone.count { return "undone twice: \(undone): \(self)" }
        if Set(undone) != wanted && !(isCancelled && !isCut && undone.isEmpty) {
            return "undone are \(undone) and not \(wanted): \(self)"
        }
        let places = Dictionary(uniqueKeysWithValues: undone.enumerated().map { ($1, $0) })
        for node in nodes {
            guard let place = places[node.name] else { continue }
            for edge in node.edges {
                if let parent = places[nodes[edge.parent].name], parent < place {
                    return "\(node.name) was undone after its parent: \(self)"
                }
            }
        }
        return nil
    }
}
