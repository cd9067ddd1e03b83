/// `RESULTS.md`: the tables of a run, where peers win and why, and what the run was made on.
package struct ResultPage: Sendable {
    private let rows: [ResultRow]
    private let context: RunContext?
    private let reasons: Reasons

    package init(_ rows: [ResultRow], context: RunContext?, reasons: Reasons) {
        self.rows = rows
        self.context = context
        self.reasons = reasons
    }

    /// Titles in the order of the file.
    private var titles: [String] { unique(rows.map(\.title)) }

    /// What stands before the first slash of a title.
    private static func group(of title: String) -> String { String(title.prefix { $0 != "/" }) }

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    /// Where a peer is ahead, as title and peer, in the order of the file.
    package var wins: [(title: String, peer: String)] {
        lost.compactMap { row in row.peer.map { (row.title, $0) } }
    }

    /// What reasons may be about: where a peer is ahead, where none can be told, and missed targets.
    package var explained: [(title: String, peer: String)] {
        wins + level.compactMap { row in row.peer.map { (row.title, $0) } }
            + (context?.targets ?? []).filter { !$0.isMet }.map { ($0.title, $0.peer) }
    }

    /// Ratios to peers. Other ways to use Gyre are in the tables and are nobody's win.
    private var ratios: [ResultRow] {
        rows.filter { $0.metric == "ratio" && $0.peer?.hasPrefix("\(Cell.own)-") == false }
    }
    /// A ratio whose quartiles lie on both sides of 1 is no win of anybody.
    private var lost: [ResultRow] { ratios.filter { $0.median < 1 && !isLevel($0) } }
    private var level: [ResultRow] { ratios.filter { $0.median < 1 && isLevel($0) } }

    private func isLevel(_ row: ResultRow) -> Bool { (row.q3 ?? row.median) > 1 }

    // MARK: - Page

    /// The page. Plots are in `plots`, beside it.
    package var text: String {
        var lines = [
            "# Results", "",
            "Written by `make bench-report` from the file of one run of `make bench`. How to read the figures, and",
            "what does not transfer to other machines, is in [README.md](README.md). *gyre x* is how many times",
            "better Gyre is: the median of the paired ratios, with their quartiles; above 1 is better for Gyre,",
            "in every row.", "",
            "## Machine", "", "```", context?.machine ?? "not recorded", "```", "",
        ]
        if let context { lines += ["Measured \(context.date).", ""] }
        var notes = Notes()
        lines += targetLines(&notes) + winLines(&notes) + notes.lines
        for group in unique(titles.map(Self.group)) {
            let own = titles.filter { Self.group(of: $0) == group }
            lines += ["## \(group)", ""]
            if plot(of: group) != nil { lines += ["![paired ratios of \(group)](plots/\(group).svg)", ""] }
            for title in own { lines += table(title) + [""] }
        }
        return lines.joined(separator: "\n")
    }

    private func winLines(_ notes: inout Notes) -> [String] {
        var lines = ["## Where a peer wins", ""]
        guard !ratios.isEmpty else { return lines + ["No peer was measured.", ""] }
        let count = Set(ratios.map(\.title)).count
        guard !lost.isEmpty else { return lines + ["In none of \(count) cells.", ""] }
        lines += [
            "In \(Set(lost.map(\.title)).count) of \(count) cells some peer is ahead: the ratio's median and both "
                + "quartiles are below 1. The reasons, by number, are below; they are kept by hand in `reasons.txt`.",
            "",
            "| cell | peer | gyre x | quartiles | reason |", "| --- | --- | --: | --- | --- |",
        ]
        for row in lost {
            guard let peer = row.peer, let q1 = row.q1, let q3 = row.q3 else { continue }
            let reason = reasons.reason(row.title, peer).map { notes.link($0) } ?? "no reason found yet"
            lines.append(
                "| \(cell(row.title)) | \(cell(peer)) | \(figure(row.median)) | \(figure(q1)) to \(figure(q3)) | "
                    + "\(reason) |")
        }
        return lines + [""] + levelLines
    }

    private var levelLines: [String] {
        guard !level.isEmpty else { return [] }
        let names = level.compactMap { row in row.peer.map { "\(cell(row.title)): \(cell($0)) \(figure(row.median))" } }
        return [
            "Below 1 with quartiles on both sides of 1, which says nothing: " + names.joined(separator: "; ") + ".", "",
        ]
    }

    /// What was meant to be, and what is.
    private func targetLines(_ notes: inout Notes) -> [String] {
        guard let targets = context?.targets, !targets.isEmpty else { return [] }
        var lines = [
            "## Targets", "",
            "Set before anything was measured, on two cores. "
                + "Met: \(targets.count(where: \.isMet)) of \(targets.count).", "",
            "| cell | target | found | | what stands in the way |", "| --- | --- | --: | --- | --- |",
        ]
        for target in targets {
            let isOwn = target.peer == TargetVerdict.own
            let wanted =
                isOwn ? "at most \(figure(target.wanted)) \(target.unit)" : "\(figure(target.wanted))x \(target.peer)"
            let found = figure(target.found) + (isOwn ? " \(target.unit)" : "x")
            let word = (target.isMet ? "met" : "**missed**") + (target.isNoisy ? ", noisy" : "")
            let known = target.isMet ? "" : reasons.reason(target.title, target.peer).map { notes.link($0) }
            lines.append(
                "| \(cell(target.title)) | \(cell(wanted)) | \(found) | \(word) | \(known ?? "not found yet") |")
        }
        return lines + [""]
    }

    /// Reasons by number, in the order in which the tables name them: one reason often stands behind many cells, and a
    /// table with a paragraph in each row is not read.
    private struct Notes {
        private var texts: [String] = []

        mutating func link(_ text: String) -> String {
            let known = texts.firstIndex(of: text)
            if known == nil { texts.append(text) }
            return "[\((known ?? texts.count - 1) + 1)](#reasons)"
        }

        var lines: [String] {
            guard !texts.isEmpty else { return [] }
            return ["## Reasons", ""] + texts.enumerated().map { "\($0 + 1). \($1)" } + [""]
        }
    }

    private func table(_ title: String) -> [String] {
        let own = rows.filter { $0.title == title }
        let figures = own.filter { $0.metric != "ratio" }
        let unit = unique(figures.map { "\($0.metric), \($0.unit)" }).joined(separator: "; ")
        let isNoisy = context?.noisyTitles.contains(title) == true
        var lines = [
            "### \(title)", "", "\(unit)\(isNoisy ? "; **noisy**: others used the machine meanwhile" : "")", "",
        ]
        lines += [
            "| | min | median | max | runs | gyre x | q1 | q3 |", "| --- | --: | --: | --: | --: | --: | --: | --: |",
        ]
        for row in figures {
            let ratio = own.first { $0.metric == "ratio" && $0.peer == row.subject && row.subject != Cell.own }
            let numbers = [row.min, row.median, row.max].map(figure) + [String(row.samples)]
            let ratios = [ratio?.median, ratio?.q1, ratio?.q3].map { $0.map(figure) ?? "" }
            lines.append("| \(cell(row.subject)) | " + (numbers + ratios).joined(separator: " | ") + " |")
        }
        let absences = (context?.absences ?? []).filter { $0.title == title }
        if !absences.isEmpty {
            lines += ["", "Left out: " + absences.map { "\($0.subject) (\($0.reason))" }.joined(separator: "; ") + "."]
        }
        return lines
    }

    private func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }
    private func figure(_ value: Double) -> String { Report.threeDigits(value) }

    // MARK: - Plots

    /// One for each group with ratios, by the group's name: files `plots/<name>.svg`.
    package var plots: [(name: String, svg: String)] {
        unique(titles.map(Self.group)).compactMap { group in plot(of: group).map { (group, $0) } }
    }

    private func plot(of group: String) -> String? {
        let own = ratios.filter { Self.group(of: $0.title) == group }
        let lines = unique(own.map(\.title)).map { title in
            RatioPlot.Line(
                title: title,
                ratios: own.filter { $0.title == title }.compactMap { row in
                    guard let peer = row.peer, let q1 = row.q1, let q3 = row.q3 else { return nil }
                    return RatioPlot.Ratio(peer: peer, median: row.median, q1: q1, q3: q3)
                })
        }
        return lines.isEmpty ? nil : RatioPlot(lines: lines).svg
    }
}
