import Foundation

/// Models of parking and of shutdown in Promela (Tests/Spin), searched by Spin to the last state.
///
/// Each model names things that may be left out of it, such as a fence. With one left out it must fail: a model that
/// cannot fail shows nothing. Every define that a model looks for is tried; the list is read from the model itself.
struct Spin: Instrument {
    let name = "spin"
    let givesWay = true

    private static let models = ["parking", "shutdown"]

    /// A model, whole or with one thing left out.
    private struct Variant: Sendable {
        let model: String
        let leftOut: String?

        var name: String { model + (leftOut.map { "-\($0)" } ?? "") }
        var subject: String { leftOut.map { "\(model), must fail: \($0)" } ?? "\(model), all states" }
    }

    /// What a search said.
    private struct Search {
        let states: UInt64
        let errors: Int
        /// Whether nothing was left out for want of depth or memory.
        let isComplete: Bool
        let violated: String?

        init(_ output: String) throws {
            func number(before mark: String) -> UInt64? {
                guard let line = output.split(separator: "\n").first(where: { $0.contains(mark) }) else { return nil }
                return line.components(separatedBy: mark)[0].split(separator: " ").last.flatMap { UInt64($0) }
            }
            let errorLine = output.split(separator: "\n").first { $0.contains("errors: ") }
            let errors = errorLine?.components(separatedBy: "errors: ").last.flatMap { Int($0) }
            guard let states = number(before: " states, stored"), let errors else {
                throw Command.Failure(description: "no result of a search:\n\(output.suffix(1_000))")
            }
            self.states = states
            self.errors = errors
            isComplete = !output.contains("max search depth too small") && !output.contains("Search not completed")
            violated = output.split(separator: "\n").first { $0.contains("assertion violated") }.map(String.init)
        }
    }

    func run(_ context: Context, report: (Row) -> Void) throws {
        guard try Command.run(["sh", "-c", "command -v spin"]).status == 0 else {
            throw Command.Failure(
                description: "spin was not found; type: sudo apt-get update && sudo apt-get install spin")
        }
        let sources = context.top.appendingPathComponent("Tests/Spin")
        var variants: [Variant] = []
        for model in Self.models {
            let text = try String(contentsOf: sources.appendingPathComponent("\(model).pml"), encoding: .utf8)
            let leftOut = Self.defines(in: text)
            guard !leftOut.isEmpty else { throw Command.Failure(description: "\(model).pml leaves nothing out") }
            variants.append(Variant(model: model, leftOut: nil))
            variants += leftOut.map { Variant(model: model, leftOut: $0) }
        }
        let folder = try context.scratch(name)
        let rows = try inParallel(variants, context.permits) { variant in
            try search(variant, sources: sources, folder: folder.appendingPathComponent(variant.name))
        }
        rows.forEach(report)
    }

    /// The names behind `#ifdef` and `#ifndef` that begin with NO_, once each.
    private static func defines(in text: String) -> [String] {
        let names = text.split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            guard words.count == 2, words[0] == "#ifdef" || words[0] == "#ifndef", words[1].hasPrefix("NO_") else {
                return nil
            }
            return String(words[1])
        }
        return Set(names).sorted()
    }

    private func search(_ variant: Variant, sources: URL, folder: URL) throws -> Row {
        let began = ContinuousClock.now
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let model = sources.appendingPathComponent("\(variant.model).pml").path
        let defines = variant.leftOut.map { ["-D\($0)"] } ?? []
        try Command.check(["spin", "-a"] + defines + [model], in: folder)
        // What Spin generates is not ours to be free of warnings. A model that fails does so soon, so its search need
        // not be compiled for speed.
        // States are kept as they are: without compression the search takes two thirds of the time, and 4 GB.
        let level = variant.leftOut == nil ? "-O3" : "-O1"
        try Command.check(
            [Toolchain.clang, level, "-w", "-DSAFETY", "-DSFH", "-DVECTORSZ=256", "-o", "pan", "pan.c"], in: folder)
        let program = folder.appendingPathComponent("pan").path
        let table = variant.leftOut == nil ? "-w26" : "-w24"  // entries, of which more would be made on the way
        let output = try Command.run([program, "-m200000", table], in: folder, seconds: 600).output
        let search = try Search(output)
        var found: [String] = []
        if variant.leftOut != nil {
            if search.violated == nil { found.append("the model does not fail without it") }
        } else if search.errors > 0 {
            let replay = "spin -k \(variant.model).pml.trail -t -p -g \(model)"
            found.append("\(search.violated ?? "an error"); replay: cd \(folder.path) && \(replay)")
        } else if !search.isComplete {
            found.append("not all states were searched: \(folder.path)")
        }
        return Row(name, variant.subject, cases: search.states, "states", found: found, began: began)
    }
}
