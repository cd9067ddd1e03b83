import Foundation

/// The programs that come with the compiler in use.
struct Toolchain {
    private struct TargetInfo: Decodable {
        struct Paths: Decodable { let runtimeResourcePath: String }
        let paths: Paths
    }

    /// Where the compiler keeps its libraries: `…/usr/lib/swift`.
    let resources: URL

    init() throws {
        // Asked of the compiler, because `swift` on the path may be a program that only picks one.
        let text = try Command.check(["swift", "-print-target-info"])
        let info = try JSONDecoder().decode(TargetInfo.self, from: Data(text.utf8))
        resources = URL(fileURLWithPath: info.paths.runtimeResourcePath)
    }

    /// The path of a program beside the compiler.
    func program(_ name: String) -> String {
        resources.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("bin/\(name)").path
    }
}
