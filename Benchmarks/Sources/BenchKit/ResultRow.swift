import Foundation

/// A line of `make bench`'s JSON: figures of one subject, or the paired ratios to one peer.
package struct ResultRow: Decodable, Sendable, Equatable {
    package let title: String
    package let subject: String
    package let metric: String
    package let unit: String
    package let min: Double
    package let median: Double
    package let max: Double
    package let samples: Int
    /// Of ratios only.
    package let peer: String?
    package let q1: Double?
    package let q3: Double?

    /// A file that cannot be read as results.
    package struct Malformed: Error, CustomStringConvertible {
        package let description: String
    }

    /// Reads a file of rows.
    ///
    /// - Throws: ``Malformed`` with the line that is none, or for a file without rows.
    package static func rows(of text: String) throws(Malformed) -> [ResultRow] {
        var rows: [ResultRow] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty else { continue }
            do {
                let row = try JSONDecoder().decode(ResultRow.self, from: Data(line.utf8))
                if row.metric == "ratio", row.peer == nil || row.q1 == nil || row.q3 == nil {
                    throw Malformed(description: "a ratio needs peer, q1 and q3")
                }
                rows.append(row)
            } catch {
                throw Malformed(description: "line \(index + 1) is no result: \(error)")
            }
        }
        if rows.isEmpty { throw Malformed(description: "there is no result in it") }
        return rows
    }
}

/// What is to be known about a run beside its figures. `make bench` writes it beside the file of them.
package struct RunContext: Codable, Sendable, Equatable {
    /// Of one subject in one cell.
    package struct Absence: Codable, Sendable, Equatable {
        package let title: String
        package let subject: String
        package let reason: String
    }

    /// Processor, kernel, toolchain, commit and so on, as they are printed.
    package let machine: String
    package let date: String
    package private(set) var noisyTitles: [String] = []
    package private(set) var absences: [Absence] = []
    package private(set) var targets: [TargetVerdict] = []

    package init(machine: String, date: String) {
        self.machine = machine
        self.date = date
    }

    package mutating func add(_ result: CellResult) {
        if result.disturbance.isNoisy { noisyTitles.append(result.cell.title) }
        targets += result.verdicts
        absences += result.leftOut.map { Absence(title: result.cell.title, subject: $0.name, reason: $0.reason) }
    }

    /// Where the context of a file of results is.
    package static func path(beside results: String) -> String { results + ".context.json" }
}

/// Why a peer wins somewhere, as somebody found out. Kept by hand: `title | peers | reason`, a line each. A title may
/// end in `*`, which stands for any end; peers are separated by commas, or `*`, which stands for any; lines that begin
/// with `#` are for people.
package struct Reasons: Sendable {
    private struct Entry: Sendable {
        let title: String
        let peers: [String]
        let reason: String

        func suits(_ title: String, _ peer: String) -> Bool {
            guard peers == ["*"] || peers.contains(peer) else { return false }
            return self.title.hasSuffix("*") ? title.hasPrefix(self.title.dropLast()) : title == self.title
        }
    }

    private let entries: [Entry]

    /// - Throws: ``ResultRow/Malformed`` with the line that has not three parts.
    package init(_ text: String) throws(ResultRow.Malformed) {
        var entries: [Entry] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let parts = line.split(separator: "|", maxSplits: 2).map { $0.trimmingCharacters(in: .whitespaces) }
            guard parts.count == 3, parts.allSatisfy({ !$0.isEmpty }) else {
                throw ResultRow.Malformed(
                    description: "line \(index + 1) of the reasons is not 'title | peer | reason'")
            }
            let peers = parts[1].split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            entries.append(Entry(title: parts[0], peers: peers, reason: parts[2]))
        }
        self.entries = entries
    }

    package func reason(_ title: String, _ peer: String) -> String? {
        entries.first { $0.suits(title, peer) }?.reason
    }

    /// Reasons for wins that are not among `wins`: they have nothing to explain any more.
    package func idle(_ wins: [(title: String, peer: String)]) -> [String] {
        entries.filter { entry in !wins.contains { entry.suits($0.title, $0.peer) } }
            .map { "\($0.title) | \($0.peers.joined(separator: ", "))" }
    }
}
