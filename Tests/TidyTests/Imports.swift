/// Who may import whom.
///
///     CGyre <- GyreCore <- GyrePolicy <- Gyre <- { GyreFoundation, GyreTesting } <- GyreCLI
///              GyreCore <- GyreObserve <- GyreCLI
///              GyreCore <- GyreBench <- GyreCLI
enum Imports {
    /// Modules of ours and of the system that a module may import. A module that is missing here has no place on the
    /// map yet.
    static let allowed: [String: Set<String>] = [
        "GyreCore": ["CGyre", "Glibc", "Synchronization"],
        // Glibc for mathematics alone: time and chance come in as values.
        "GyrePolicy": ["GyreCore", "Glibc"],
        "GyreFoundation": ["Foundation", "Gyre", "GyrePolicy"],
        "Gyre": ["GyreCore", "GyrePolicy", "Synchronization"],
        "GyreTesting": ["Glibc", "Gyre", "GyreCore", "GyrePolicy", "Synchronization"],
        "GyreObserve": ["GyreCore"],
        "GyreBench": ["Glibc", "GyreCore", "Synchronization"],
        "GyreJemalloc": ["CGyreJemalloc"],
        "GyreCLI": [
            "ArgumentParser", "Dispatch", "FlyingFox", "FlyingSocks", "Foundation", "Glibc", "Gyre", "GyreBench",
            "GyreCore", "GyreJemalloc", "GyreObserve", "GyrePolicy", "GyreTesting", "Synchronization",
        ],
    ]

    static func findings(in file: SourceFile) -> [Finding] {
        guard file.isSwift, let module = file.module else { return [] }
        guard let allowed = allowed[module] else {
            return [Finding(file.path, "module \(module) is not on the map of imports; give it a row")]
        }
        var findings: [Finding] = []
        for (index, line) in file.codeLines.enumerated() {
            guard let (access, imported) = statement(line) else { continue }
            if !allowed.contains(imported) {
                findings.append(Finding(file.path, index + 1, "\(module) must not import \(imported)"))
            } else if imported.hasPrefix("CGyre"), access != "internal" {
                findings.append(Finding(file.path, index + 1, "\(imported) must be an internal import"))
            }
        }
        return findings
    }

    /// The access level, if one is written, and the module of an import.
    private static func statement(_ line: Substring) -> (access: String?, module: String)? {
        var words = line.split(whereSeparator: \.isWhitespace)[...]
        var access: String?
        while let word = words.first, word.hasPrefix("@") || levels.contains(word) {
            if !word.hasPrefix("@") { access = String(word) }
            words.removeFirst()
        }
        guard words.popFirst() == "import" else { return nil }
        if let word = words.first, kinds.contains(word) { words.removeFirst() }
        guard let module = words.first?.prefix(while: { $0 != "." && $0 != ";" }) else { return nil }
        return (access, String(module))
    }

    private static let levels: Set<Substring> = ["public", "package", "internal", "private", "fileprivate"]
    private static let kinds: Set<Substring> = [
        "struct", "class", "enum", "protocol", "func", "var", "let", "typealias",
    ]
}
