import Foundation

/// Programs that come with the Swift compiler.
enum Toolchain {
    /// The clang beside `swift`, else the one on the path.
    static let clang = program("clang")

    /// What the sanitizers' runtimes of this toolchain want to be linked with: they know Dispatch.
    static let sanitizerLibraries: [String] = {
        let bin = URL(fileURLWithPath: clang).deletingLastPathComponent()
        let folder = bin.deletingLastPathComponent().appendingPathComponent("lib/swift/linux").path
        return ["-L\(folder)", "-ldispatch", "-lBlocksRuntime", "-Wl,-rpath,\(folder)"]
    }()

    static func program(_ name: String) -> String {
        for folder in (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") {
            let swift = URL(fileURLWithPath: "\(folder)/swift").resolvingSymlinksInPath()
            guard FileManager.default.isExecutableFile(atPath: swift.path) else { continue }
            let beside = swift.deletingLastPathComponent().appendingPathComponent(name)
            if FileManager.default.isExecutableFile(atPath: beside.path) { return beside.path }
        }
        return name
    }
}
