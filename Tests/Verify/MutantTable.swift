import Foundation

/// Which mutants there are.
enum MutantTable {
    /// Every file that a harness covers, and the harness.
    static let files: [(path: String, harness: String)] = [
        ("include/gyre_ring.h", "ring"),
        ("include/gyre_thread.h", "slab"),
        ("include/gyre_spares.h", "slab"),
        ("include/gyre_slab.h", "slab"),
        ("include/gyre_lane.h", "lane"),
        ("include/gyre_spsc.h", "ends"),
        ("include/gyre_mpsc.h", "ends"),
        ("include/gyre_event.h", "event"),
        ("include/gyre_depot.h", "depot"),
        ("include/gyre_runq.h", "runq"),
        ("include/gyre_park.h", "pool"),
        ("include/gyre_dispatch.h", "pool"),
        ("gyre_dispatch.c", "pool"),
        ("gyre_seat.c", "pool"),
        ("include/gyre_countdown.h", "words"),
        ("include/gyre_state.h", "words"),
        ("include/gyre_record.h", "words"),
        ("include/gyre_flag.h", "words"),
        ("include/gyre_word.h", "words"),
        ("include/gyre_counter.h", "words"),
        ("gyre_counter.c", "words"),
        ("include/gyre_histogram.h", "words"),
        ("gyre_histogram.c", "words"),
        ("include/gyre_gate.h", "waits"),
        ("include/gyre_waiters.h", "waits"),
        ("include/gyre_order.h", "waits"),
        ("include/gyre_timer.h", "timer"),
        ("gyre_timer.c", "timer"),
        ("include/gyre_clock.h", "clock"),
        ("gyre_clock.c", "clock"),
        ("gyre_clock_check.c", "clock"),
        ("include/gyre_cached.h", "cached"),
        ("include/gyre_swap.h", "swap"),
        ("gyre_swap.c", "swap"),
        ("gyre_table.c", "table"),
        ("include/gyre_overflow.h", "overflow"),
        ("gyre_overflow.c", "overflow"),
    ]

    /// Files with an atomic operation that no harness covers, and that are no exception.
    static func missing(in shipped: URL) throws -> [String] {
        let names = FileManager.default.enumerator(atPath: shipped.path)?.compactMap { $0 as? String } ?? []
        let known = Set(files.map(\.path) + MutantException.files.map(\.path))
        return try names.sorted().filter { name in
            guard name.hasSuffix(".c") || name.hasSuffix(".h"), !known.contains(name) else { return false }
            let text = try String(contentsOf: shipped.appendingPathComponent(name), encoding: .utf8)
            return text.components(separatedBy: "\n").contains { !operations(of: $0).isEmpty }
        }
    }

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    // MARK: - Orders

    /// Each order made one step weaker, one at a time.
    static func generated(in shipped: URL) throws -> [Mutant] {
        try files.flatMap { path, harness in
            let text = try String(contentsOf: shipped.appendingPathComponent(path), encoding: .utf8)
            let lines = text.components(separatedBy: "\n")
            return lines.enumerated().flatMap { index, line -> [Mutant] in
                weakenings(of: line).map { change, weakened in
                    var changed = lines
                    changed[index] = weakened
                    return Mutant(
                        path: path, line: index + 1, before: line.trimmingCharacters(in: .whitespaces), change: change,
                        text: changed.joined(separator: "\n"), harness: harness)
                }
            }
        }
    }

    private static let steps: [String: [String]] = [
        "acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"],
        "seq_cst": ["acq_rel"],
    ]

    /// Where the operations of a line stand in it, each with its bracket. A comment has none.
    private static func operations(of line: String) -> [Range<String.Index>] {
        let names = /gyre_(load|store|exchange|fetch_add|fetch_sub|fetch_and|fetch_or|cas|fence)_[a-z_]+\(/
        return line[..<(line.range(of: "//")?.lowerBound ?? line.endIndex)].ranges(of: names)
    }

    /// Every way to make one operation of a line weaker.
    private static func weakenings(of line: String) -> [(change: String, line: String)] {
        operations(of: line).flatMap { range -> [(String, String)] in
            let name = String(line[range].dropLast())
            return weaker(name).map { replacement in
                let changed = line.replacingCharacters(in: range, with: replacement + "(")
                return ("\(name) becomes \(replacement)", changed)
            }
        }
    }

    private static func weaker(_ name: String) -> [String] {
        if name == "gyre_fence_seq_cst" { return ["gyre_fence_acq_rel", "gyre_fence_none"] }
        let orders = ["seq_cst", "acq_rel", "acquire", "release", "relaxed"]
        for operation in ["load", "store", "exchange", "fetch_add", "fetch_sub", "fetch_and", "fetch_or", "cas"] {
            let prefix = "gyre_\(operation)_"
            guard name.hasPrefix(prefix) else { continue }
            let rest = String(name.dropFirst(prefix.count))
            if operation != "cas" { return (steps[rest] ?? []).map { prefix + $0 } }
            guard let success = orders.first(where: { rest.hasPrefix($0 + "_") }) else { continue }
            let failure = String(rest.dropFirst(success.count + 1))
            return (steps[success] ?? []).map { "\(prefix)\($0)_\(failure)" }
                + (steps[failure] ?? []).map { "\(prefix)\(success)_\($0)" }
        }
        return []
    }

    // MARK: - Edits

    /// The edits of the table. One whose text does not stand in its file exactly once is an error.
    static func named(in shipped: URL) throws -> [Mutant] {
        var missing: [String] = []
        let mutants = try NamedMutant.all.compactMap { edit -> Mutant? in
            guard let harness = files.first(where: { $0.path == edit.path })?.harness else {
                throw Mistake(description: "\(edit.path) has no harness")
            }
            let text = try String(contentsOf: shipped.appendingPathComponent(edit.path), encoding: .utf8)
            let parts = text.components(separatedBy: edit.before)
            guard parts.count == 2 else {
                missing.append("\(edit.path): \(edit.name): \"\(edit.before)\" stands there \(parts.count - 1) times")
                return nil
            }
            return Mutant(
                path: edit.path, line: parts[0].components(separatedBy: "\n").count, before: edit.before,
                change: edit.name, text: parts.joined(separator: edit.after), harness: harness)
        }
        guard missing.isEmpty else { throw Mistake(description: missing.joined(separator: "\n")) }
        return mutants
    }
}

/// A line made wrong by hand.
struct NamedMutant: Sendable {
    let path: String
    let name: String
    let before: String
    let after: String

    init(_ path: String, _ name: String, _ before: String, _ after: String) {
        self.path = path
        self.name = name
        self.before = before
        self.after = after
    }
}
