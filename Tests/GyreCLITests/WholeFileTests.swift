import Foundation
import Testing

@testable import GyreCLI

@Suite struct WholeFileTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func theFileAppearsWithItsCommit() throws {
        let file = try WholeFile(replacing: folder.path("a"))
        try file.write("one ")
        try file.write("two")
        #expect(!FileManager.default.fileExists(atPath: folder.path("a")))
        try file.commit()
        #expect(try folder.text("a") == "one two")
        #expect(try folder.names() == ["a"])
    }

    @Test func withoutACommitTheOldFileStaysAndNothingElse() throws {
        try folder.write("old", to: "a")
        do {
            let file = try WholeFile(replacing: folder.path("a"))
            try file.write("new")
            #expect(try folder.names().count == 2)
        }
        #expect(try folder.text("a") == "old")
        #expect(try folder.names() == ["a"])
    }

    @Test func permissionsAndLinksOfTheOldFileStay() throws {
        try folder.write("old", to: "a")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: folder.path("a"))
        try FileManager.default.createSymbolicLink(atPath: folder.path("link"), withDestinationPath: folder.path("a"))
        let file = try WholeFile(replacing: folder.path("link"))
        try file.write("new")
        try file.commit()
        #expect(try folder.text("a") == "new")
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder.path("link")) == folder.path("a"))
        let mode = try FileManager.default.attributesOfItem(atPath: folder.path("a"))[.posixPermissions] as? Int
        #expect(mode == 0o640)
    }

    @Test func twoWritersOfOneFileDoNotMix() throws {
        let first = try WholeFile(replacing: folder.path("a"))
        let second = try WholeFile(replacing: folder.path("a"))
        try first.write("first")
        try second.write("second")
        try first.commit()
        try second.commit()
        #expect(try folder.text("a") == "second")
        #expect(try folder.names() == ["a"])
    }

    @Test func aDeviceIsWrittenInPlace() throws {
        let file = try WholeFile(replacing: "/dev/null")
        try file.write("gone")
        try file.commit()
        let type = try FileManager.default.attributesOfItem(atPath: "/dev/null")[.type] as? FileAttributeType
        #expect(type == .typeCharacterSpecial)
    }

    @Test func whatCannotBeWrittenIsSaidAtOnce() throws {
        let orphan = folder.path("none/a")
        #expect(throws: WholeFileError(file: orphan, systemError: 2)) { _ = try WholeFile(replacing: orphan) }
        #expect(throws: WholeFileError(file: folder.url.path, systemError: 21)) {
            _ = try WholeFile(replacing: folder.url.path)
        }
        #expect(WholeFileError(file: "a", systemError: 2).description == "a: No such file or directory")
    }

    /// /dev/full takes no byte: a write that fails is reported and not retried.
    @Test func aFullDiskIsAnError() throws {
        let file = try WholeFile(replacing: "/dev/full")
        #expect(throws: WholeFileError(file: "/dev/full", systemError: 28)) { try file.write("a") }
    }
}
