import Foundation

/// The model checker, compiled by clang from Tests/CGyreModel and the shipped headers.
struct ModelBinary: Sendable {
    static let core = ["main.c", "memory.c", "races.c", "schedule.c", "search.c", "trace.c", "generated.c"]
    /// One file a harness, named as it is.
    static let harnesses = [
        "litmus", "ring", "slab", "lane", "ends", "event", "depot", "runq", "words", "waits", "timer", "clock",
        "overflow", "pool", "cached", "swap", "table",
    ]

    /// For the overflow queue; of sections the harness has its own.
    static let libraries = ["-lurcu-common"]

    let clang: String
    let sources: URL
    let shipped: URL

    init(_ context: Context) {
        clang = Toolchain.clang
        sources = context.top.appendingPathComponent("Tests/CGyreModel")
        shipped = context.top.appendingPathComponent("CSupport/gyre")
    }

    /// What turns `file` into an object, against the headers below `shipped`.
    func compile(_ file: String, to object: URL, shipped: URL, optimization: String = "-O2") throws -> Command {
        try Command.run([
            clang, "-std=gnu11", optimization, "-c", "-DGYRE_MODEL", "-Wall", "-Wno-unused-function", "-include",
            sources.appendingPathComponent("weakened.h").path, "-I", shipped.appendingPathComponent("include").path,
            "-I", shipped.path, "-I", sources.path, sources.appendingPathComponent(file).path, "-o", object.path,
        ])
    }

    func objects(_ files: [String], in folder: URL) throws -> [String] {
        try files.map { file in
            let object = folder.appendingPathComponent(file + ".o")
            let command = try compile(file, to: object, shipped: shipped)
            guard command.status == 0 else {
                throw Command.Failure(description: "\(file) does not compile:\n\(command.lastLines(20))")
            }
            return object.path
        }
    }

    /// The whole checker, with every harness.
    func build(in folder: URL) throws -> String {
        let binary = folder.appendingPathComponent("GyreModel").path
        let objects = try objects(Self.core + Self.harnesses.map { $0 + ".c" }, in: folder)
        try Command.check([clang] + objects + ["-o", binary] + Self.libraries)
        return binary
    }
}
