/// Where files are, and how large they may get.
enum Layout {
    static let linesMax = 500
    static let columnsMax = 120

    /// One idea a file.
    static func length(of file: SourceFile) -> [Finding] {
        guard file.isSwift || file.isC else { return [] }
        let count = file.text.hasSuffix("\n") ? file.lines.count - 1 : file.lines.count
        guard count > linesMax else { return [] }
        return [Finding(file.path, "\(count) lines; a file of one idea has at most \(linesMax)")]
    }

    /// Lines that fit, without tabs and trailing blanks. Pages flow, and a Makefile needs its tabs.
    static func lines(of file: SourceFile) -> [Finding] {
        guard file.isSwift || file.isC else { return [] }
        return file.lines.enumerated().compactMap { index, line -> Finding? in
            // A byte is at most a column, so most lines need not be counted.
            if line.utf8.count > columnsMax, line.count > columnsMax {
                return Finding(file.path, index + 1, "\(line.count) columns; at most \(columnsMax)")
            }
            if line.utf8.contains(UInt8(ascii: "\t")) { return Finding(file.path, index + 1, "a tab") }
            if line.utf8.last == UInt8(ascii: " ") { return Finding(file.path, index + 1, "a trailing blank") }
            return nil
        }
    }

    /// What may lie at the top, beside files whose name begins with a dot.
    static let top: Set<String> = [
        "Benchmarks", "CSupport", "LICENSE", "Makefile", "Package.swift", "README.md", "Sources", "Tests",
    ]

    /// `paths` are those that git tracks.
    static func places(of paths: [String]) -> [Finding] {
        paths.compactMap { path -> Finding? in
            let parts = path.split(separator: "/").map(String.init)
            if parts.dropLast().contains(where: { $0.hasPrefix(".build") }) {
                return Finding(path, "something that was built is tracked")
            }
            guard let first = parts.first, !top.contains(first), !first.hasPrefix(".") else { return nil }
            return Finding(path, "\(first) has no place at the top")
        }
    }

    /// Folders whose files an instrument of `make verify` compiles, with flags that a manifest must not have.
    static let builtByInstruments = ["Tests/Fuzz/"]

    /// Files below Sources, CSupport and Tests that no target of `manifest` compiles.
    static func unbuilt(_ paths: [String], manifest: SourceFile) -> [Finding] {
        let folders = targetFolders(manifest)
        return paths.compactMap { path -> Finding? in
            guard ["Sources/", "CSupport/", "Tests/"].contains(where: path.hasPrefix) else { return nil }
            if path == "Tests/README.md" { return nil }  // the page about all of them
            if builtByInstruments.contains(where: path.hasPrefix) { return nil }
            guard let folder = folders.first(where: { path.hasPrefix($0 + "/") }) else {
                return Finding(path, "no target has it")
            }
            let isBuilt = path.hasSuffix(".swift") || path.hasSuffix(".c") || path.hasSuffix(".h")
            let isForReaders = path.hasPrefix("Tests/") || path.contains(".docc/") || path.hasSuffix(".modulemap")
            return isBuilt || isForReaders ? nil : Finding(path, "target folder \(folder) has no use for it")
        }
    }

    /// The folders of all targets: written as `path:`, or after the name.
    static func targetFolders(_ manifest: SourceFile) -> [String] {
        let text = manifest.text
        var folders: [String] = []
        for (kind, folder) in [
            (".target(", "Sources"), (".executableTarget(", "Sources"), (".systemLibrary(", "Sources"),
            (".testTarget(", "Tests"),
        ] {
            for range in text.ranges(of: kind) {
                let call = call(text[range.upperBound...])
                guard let name = argument("name", call) else { continue }
                folders.append(argument("path", call) ?? "\(folder)/\(name)")
            }
        }
        return folders
    }

    /// From after an opening parenthesis to its closing one.
    private static func call(_ text: Substring) -> Substring {
        var depth = 1
        return text.prefix { character in
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            return depth > 0
        }
    }

    private static func argument(_ label: String, _ call: Substring) -> String? {
        guard let range = call.firstRange(of: "\(label): \"") else { return nil }
        return String(call[range.upperBound...].prefix { $0 != "\"" })
    }
}
