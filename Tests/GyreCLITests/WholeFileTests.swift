import Foundation
import Testing

@testable import GyreCLI

@Suite final class WholeFileTests {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

    init() throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    }

    deinit {
        // What a test leaves behind is the system's temporary folder's business, not the test's result.
        try? FileManager.default.removeItem(at: folder)
    }

    private func path(_ name: String) -> String { folder.appending(path: name).path }
    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path) }
    private func text(_ name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    @Test func theFileAppearsWithItsCommit() throws {
        let file = try WholeFile(replacing: path("a"))
        try file.write("one ")
        try file.write("two")
        #expect(!FileManager.default.fileExists(atPath: path("a")))
        try file.commit()
        #expect(try text("a") == "one two")
        #expect(try names() == ["a"])
    }

    @Test func withoutACommitTheOldFileStaysAndNothingElse() throws {
        try "old".write(toFile: path("a"), atomically: false, encoding: .utf8)
        do {
            let file = try WholeFile(replacing: path("a"))
            try file.write("new")
            #expect(try names().count == 2)
        }
        #expect(try text("a") == "old")
        #expect(try names() == ["a"])
    }

    @Test func permissionsAndLinksOfTheOldFileStay() throws {
        try "old".write(toFile: path("a"), atomically: false, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path("a"))
        try FileManager.default.createSymbolicLink(atPath: path("link"), withDestinationPath: path("a"))
        let file = try WholeFile(replacing: path("link"))
        try file.write("new")
        try file.commit()
        #expect(try text("a") == "new")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path("link")) == path("a"))
        let mode = try FileManager.default.attributesOfItem(atPath: path("a"))[.posixPermissions] as? Int
        #expect(mode == 0o640)
    }

    @Test func twoWritersOfOneFileDoNotMix() throws {
        let first = try WholeFile(replacing: path("a"))
        let second = try WholeFile(replacing: path("a"))
        try first.write("first")
        try second.write("second")
        try first.commit()
        try second.commit()
        #expect(try text("a") == "second")
        #expect(try names() == ["a"])
    }

    @Test func aDeviceIsWrittenInPlace() throws {
        let file = try WholeFile(replacing: "/dev/null")
        try file.write("gone")
        try file.commit()
        let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
        #expect(type == .typeCharacterSpecial)
    }

    @Test func whatCannotBeWrittenIsSaidAtOnce() throws {
        let orphan = path("none/a")
        #expect(throws: WholeFileError(file: orphan, systemError: 2)) { _ = try WholeFile(replacing: orphan) }
        #expect(throws: WholeFileError(file: folder.path, systemError: 21)) {
            _ = try WholeFile(replacing: folder.path)
        }
        #expect(WholeFileError(file: "a", systemError: 2).description == "a: No such file or directory")
    }

    /// /dev/full takes no byte: a write that fails is reported and not retried.
    @Test func aFullDiskIsAnError() throws {
        let file = try WholeFile(replacing: "/dev/full")
        #expect(throws: WholeFileError(file: "/dev/full", systemError: 28)) { try file.write("a") }
    }
}
