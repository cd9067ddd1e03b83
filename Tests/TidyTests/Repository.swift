import Foundation
import Glibc

/// The tree that these tests stand in.
enum Repository {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Every text that somebody wrote, whether it is tracked yet or not. Nothing that was built, and no data.
    static func files() throws -> [SourceFile] {
        let keys: [URLResourceKey] = [.isRegularFileKey]
        guard let walk = FileManager.default.enumerator(at: root, includingPropertiesForKeys: keys) else {
            throw CocoaError(.fileReadNoSuchFile)
        }
        var files: [SourceFile] = []
        for case let url as URL in walk {
            let path = String(url.path.dropFirst(root.path.count + 1))
            if isLeftOut(path) {
                walk.skipDescendants()
                continue
            }
            guard try url.resourceValues(forKeys: Set(keys)).isRegularFile == true, isText(path) else { continue }
            files.append(SourceFile(path, try String(contentsOf: url, encoding: .utf8)))
        }
        return files.sorted { $0.path < $1.path }
    }

    /// What git tracks, by path; `nil` where there is no repository, as in an unpacked archive.
    static func trackedPaths() throws -> [String]? {
        guard FileManager.default.fileExists(atPath: root.appendingPathComponent(".git").path) else { return nil }
        let command = "git -c 'safe.directory=*' -C '\(root.path)' ls-files -z"
        guard let output = popen(command, "r") else { throw CocoaError(.executableLoad) }
        var bytes: [UInt8] = []
        while case let byte = getc(output), byte != EOF { bytes.append(UInt8(truncatingIfNeeded: byte)) }
        guard pclose(output) == 0 else { throw CocoaError(.executableLoad) }
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func isLeftOut(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        return name.hasPrefix(".build") || name == ".git" || name == ".swiftpm"
    }

    private static func isText(_ path: String) -> Bool {
        let name = path.split(separator: "/").last ?? ""
        if path.hasPrefix(".ci/") || !path.contains("/") { return true }
        return ["swift", "c", "h", "md", "modulemap"].contains(name.split(separator: ".").last ?? "")
    }
}
