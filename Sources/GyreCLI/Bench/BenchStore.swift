import Foundation
import GyreBench

/// Runs that were kept, one file each: the lines of `--json`, under `$XDG_STATE_HOME/gyre/bench`.
struct BenchStore {
    private let folder: String

    /// A run as it was kept.
    struct Kept {
        let name: String
        let settings: String
        /// By the figures' names.
        let medians: [String: Double]
    }

    /// Why a kept run cannot be used, as one line.
    struct Failure: BadInput, Equatable {
        let description: String
    }

    init(folder: String) { self.folder = folder }

    /// The folder of the XDG base directory specification 0.8: a relative path in the variable is no path.
    static func standard(_ environment: [String: String] = ProcessInfo.processInfo.environment) throws(Failure)
        -> BenchStore
    {
        if let state = environment["XDG_STATE_HOME"], state.hasPrefix("/") {
            return BenchStore(folder: state + "/gyre/bench")
        }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw Failure(description: "neither XDG_STATE_HOME nor HOME says where runs are kept")
        }
        return BenchStore(folder: home + "/.local/state/gyre/bench")
    }

    /// Whether a run can be kept under `name`: it becomes a file's name.
    static func isName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count)
            && name.utf8.allSatisfy { byte in
                let character = Character(Unicode.Scalar(byte))
                return character.isASCII && (character.isLetter || character.isNumber || "-_".contains(character))
            }
    }

    func path(_ name: String) -> String { "\(folder)/\(name).jsonl" }

    /// A file for the lines of a run; it replaces one of the same name when it is committed.
    func file(_ name: String) throws -> WholeFile {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Failure(description: "\(folder): \(error.localizedDescription)")
        }
        return try WholeFile(replacing: path(name))
    }

    /// - Throws: ``Failure`` when there is none, when it is of another kind, or when it cannot be read.
    func read(_ name: String, title: String) throws(Failure) -> Kept {
        struct Line: Decodable {
            let title, metric: String
            let settings: String?
            let median: Double
        }
        let data: Data
        do {
            // Of a file without bytes Data(contentsOf:) loses a buffer.
            data = try FileHandle(forReadingFrom: URL(filePath: path(name))).readToEnd() ?? Data()
        } catch {
            throw Failure(description: "\(path(name)): \(error.localizedDescription)")
        }
        var medians: [String: Double] = [:]
        var settings = ""
        for (index, bytes) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            let line: Line
            do {
                line = try JSONDecoder().decode(Line.self, from: bytes)
            } catch {
                throw Failure(description: "\(path(name)):\(index + 1): no line of a kept run")
            }
            guard line.title == title else {
                throw Failure(description: "\(path(name)):\(index + 1): \(line.title) was kept, and not \(title)")
            }
            medians[line.metric] = line.median
            settings = line.settings ?? settings
        }
        guard !medians.isEmpty else { throw Failure(description: "\(path(name)): no figures in it") }
        return Kept(name: name, settings: settings, medians: medians)
    }
}
