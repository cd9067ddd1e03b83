import Foundation

/// A directory of made-up files that stands for `/`, removed with the object.
final class FileTree {
    let root: String

    /// Makes the files: paths from `/`, and what they contain.
    init(_ files: [String: String]) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("gyre-\(UUID().uuidString)")
        root = directory.path
        for (path, content) in files {
            let file = directory.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.utf8).write(to: file)
        }
    }

    deinit {
        // What cannot be removed stays in the directory for temporary files, where the system clears it.
        try? FileManager.default.removeItem(atPath: root)
    }
}
