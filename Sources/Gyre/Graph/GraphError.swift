/// Why a graph cannot be built.
public enum GraphError: Error, Equatable, Sendable, CustomStringConvertible {
    case duplicateName(String)
    /// `node` is to run after a node that does not exist.
    case unknownName(String, node: String)
    /// `parent` was made by another graph than the one of `node`.
    case foreignNode(String, node: String)
    /// The names along the cycle; the first is repeated at the end.
    case cycle([String])
    case tooManyNodes(Int, limit: Int)
    /// The output of `node` needs an alignment above 16 bytes.
    case alignment(Int, node: String)
    /// A bound of `node` is below 1, so that nothing of it could ever run.
    case bound(String, value: Int, node: String)
    /// The window of the map `node` has more slots than a run can count.
    case windowTooLarge(Int, limit: Int, node: String)
    /// The rule of `node` asks about parents, and it has none.
    case ruleWithoutParents(NodeRule, node: String)
    /// `node` is to be undone in a graph whose failure mode never undoes anything.
    case undoWithoutCompensation(node: String, mode: GraphFailureMode)
    case empty

    public var description: String {
        switch self {
        case .duplicateName(let name): return "two nodes are named \"\(name)\"; give each its own name"
        case .unknownName(let name, let node):
            return "\"\(node)\" runs after \"\(name)\", which is no node of this graph"
        case .foreignNode(let name, let node):
            return "\"\(node)\" needs \"\(name)\" of another graph; add that node to this one"
        case .cycle(let path):
            return "a cycle: \(path.joined(separator: " → ")); a graph must have none, and repeats itself only by loop"
        case .tooManyNodes(let count, let limit): return "\(count) nodes; a graph has at most \(limit)"
        case .alignment(let bytes, let node):
            return "the output of \"\(node)\" is aligned to \(bytes) bytes, at most 16 are possible; wrap it in a class"
        case .bound(let bound, let value, let node): return "\"\(node)\" has \(bound) \(value); it must be at least 1"
        case .windowTooLarge(let window, let limit, let node):
            return "\"\(node)\" has window \(window); it must be at most \(limit)"
        case .ruleWithoutParents(let rule, let node):
            return "\"\(node)\" has the rule \(rule) and no parents that it could hold for"
        case .undoWithoutCompensation(let node, let mode):
            return "\"\(node)\" has an undo, which the failure mode \(mode) never runs; use compensate"
        case .empty: return "a graph needs at least one node"
        }
    }
}
