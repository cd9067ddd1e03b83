import Foundation

/// Where fuzz targets are compiled: the C core and our modules once, with the fuzzer's and the sanitizer's marks, then
/// a program for each target. The package manifest has no part in it, because flags such as these would make a package
/// that nobody can depend on.
struct FuzzWorkshop: Sendable {
    private let top: URL
    private let folder: URL
    private let permits: Permits
    private let urcuCompile: [String]
    private let urcuLink: [String]

    init(_ context: Context) throws {
        top = context.top
        folder = try context.scratch("fuzz")
        permits = context.permits
        func flags(_ option: String) throws -> [String] {
            let said = try Command.check(["pkg-config", option, "liburcu", "liburcu-bp", "liburcu-cds"])
            return said.split(whereSeparator: \.isWhitespace).map(String.init)
        }
        urcuCompile = try flags("--cflags")
        urcuLink = try flags("--libs")
    }

    func seeds(of target: FuzzTarget) -> URL { top.appendingPathComponent("Tests/Fuzz/Corpus/\(target.original)") }

    func program(_ name: String) -> URL { folder.appendingPathComponent("fuzz-\(name)") }

    func emptyFolder(_ name: String) throws -> URL {
        let place = folder.appendingPathComponent(name)
        if FileManager.default.fileExists(atPath: place.path) { try FileManager.default.removeItem(at: place) }
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        return place
    }

    // MARK: - Libraries

    private var core: URL { top.appendingPathComponent("CSupport/gyre") }
    private var library: URL { folder.appendingPathComponent("libcgyre.a") }

    private var compileC: [String] {
        [Toolchain.clang, "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-I", core.path]
            + ["-I", core.appendingPathComponent("include").path] + urcuCompile
    }

    private func compileSwift(_ level: String) -> [String] {
        [
            Toolchain.program("swiftc"), level, "-gline-tables-only", "-sanitize=fuzzer,address", "-parse-as-library",
            "-enable-testing",
            "-package-name", "gyre", "-swift-version", "6", "-I", folder.path,
            "-Xcc", "-I\(core.appendingPathComponent("include").path)",
        ]
    }

    /// The C core as an archive, of which a program takes the parts that it does not bring itself, and our modules.
    func buildLibraries() throws {
        let objects = try emptyFolder("objects")
        let sources = try files(in: "CSupport/gyre", ending: "c")
        let all = try inParallel(sources, permits) { source in
            let object = objects.appendingPathComponent(source.lastPathComponent + ".o").path
            try Command.check(compileC + ["-fsanitize=fuzzer-no-link,address", "-c", source.path, "-o", object])
            return object
        }
        if FileManager.default.fileExists(atPath: library.path) { try FileManager.default.removeItem(at: library) }
        try Command.check([Toolchain.program("llvm-ar"), "rcs", library.path] + all)
        let map = "module CGyre { umbrella \"\(core.appendingPathComponent("include").path)\" export * }\n"
        try map.write(to: folder.appendingPathComponent("module.modulemap"), atomically: true, encoding: .utf8)
        // What a target asks of these two is little, and to optimize them takes longer than the target runs.
        let large = ["GyrePolicy", "Gyre"]
        for module in ["GyreCore", "GyreBench"] + large {
            try Command.check(
                compileSwift(large.contains(module) ? "-Onone" : "-O") + [
                    "-whole-module-optimization", "-emit-module", "-emit-object", "-module-name", module,
                    "-emit-module-path", folder.appendingPathComponent("\(module).swiftmodule").path,
                    "-o", folder.appendingPathComponent("\(module).o").path,
                ] + files(in: "Sources/\(module)", ending: "swift").map(\.path))
        }
    }

    private func files(in folder: String, ending: String) throws -> [URL] {
        let place = top.appendingPathComponent(folder)
        guard let walk = FileManager.default.enumerator(at: place, includingPropertiesForKeys: nil) else {
            throw Command.Failure(description: "\(place.path) cannot be read")
        }
        return walk.compactMap { $0 as? URL }.filter { $0.pathExtension == ending }.sorted { $0.path < $1.path }
    }

    // MARK: - Programs

    /// Compiles a target and returns its program.
    func build(_ target: FuzzTarget) throws -> URL {
        let program = program(target.name)
        let planted = try plant(target)
        let own = target.sources.map { top.appendingPathComponent("Tests/Fuzz/\($0)").path }
        if target.isC {
            var command = compileC
            // A file with a planted bug stands before the shipped one, wherever it is asked for.
            if let planted { command.insert(contentsOf: ["-I", planted.deletingLastPathComponent().path], at: 1) }
            command += ["-fsanitize=fuzzer,address"] + own
            // Of a planted file that no target includes the program's own copy is the first that the linker meets.
            if let planted, !(try includes(own, planted)) { command.append(planted.path) }
            try Command.check(
                command + [library.path] + Toolchain.sanitizerLibraries + urcuLink + ["-o", program.path])
        } else {
            let shipped = target.shipped.map { file in
                file == target.planted?.file ? planted?.path ?? "" : top.appendingPathComponent(file).path
            }
            let modules = target.modules.map { folder.appendingPathComponent("\($0).o").path }
            // Whole modules, because an entry that nothing calls would be dropped with its file. In a folder of its
            // own, because the compiler leaves a module where it stands.
            try Command.check(
                compileSwift("-O") + ["-whole-module-optimization", "-module-name", "Fuzzer"] + own + shipped + modules
                    + [library.path] + urcuLink + ["-o", program.path], in: emptyFolder("modules/\(target.name)"))
        }
        return program
    }

    private func includes(_ sources: [String], _ file: URL) throws -> Bool {
        try sources.contains {
            try String(contentsOfFile: $0, encoding: .utf8).contains("#include \"\(file.lastPathComponent)\"")
        }
    }

    /// Writes the copy with the bug. The code that it replaces must be there once: else it proves nothing.
    private func plant(_ target: FuzzTarget) throws -> URL? {
        guard let bug = target.planted else { return nil }
        let text = try String(contentsOf: top.appendingPathComponent(bug.file), encoding: .utf8)
        guard text.components(separatedBy: bug.code).count == 2 else {
            throw Command.Failure(description: "\(bug.file) has no single '\(bug.code)'; plant another bug")
        }
        let copy = try emptyFolder("planted/\(target.name)")
            .appendingPathComponent(URL(fileURLWithPath: bug.file).lastPathComponent)
        try text.replacingOccurrences(of: bug.code, with: bug.replacement)
            .write(to: copy, atomically: true, encoding: .utf8)
        return copy
    }
}
