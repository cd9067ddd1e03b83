import Foundation
import Testing

@testable import GyreCore

@Suite struct AllocatorReportTests {
    @Test(
        arguments: [
            ("/lib/x86_64-linux-gnu/libc.so.6", .glibc), ("/lib/libc-2.31.so", .glibc),
            ("/usr/lib/libjemalloc.so.2", .jemalloc), ("/opt/libmimalloc.so.2.1", .mimalloc),
            ("libtcmalloc_minimal.so.4", .tcmalloc), ("/usr/bin/program", .program), ("program", .program),
            ("/lib/ld-musl.so.1", .other), (nil, .other),
        ] as [(String?, AllocatorReport.Kind)])
    func theFileNamesTheAllocator(path: String?, kind: AllocatorReport.Kind) {
        #expect(AllocatorReport(path: path).kind == kind)
    }

    /// In a program of its own, because what other tests link decides for the whole test process.
    @Test func aProgramThatDoesNotLinkJemallocDoesNotRunOnIt() throws {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = URL(fileURLWithPath: bundle).deletingLastPathComponent()
        let probe = folder.appendingPathComponent("PlainAllocatorProbe")
        // Not Foundation's Process: the leak sanitizer finds one in it.
        let output = try #require(popen("'\(probe.path)'", "r"))
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let length = fread(&bytes, 1, bytes.count, output)
        let text = String(decoding: bytes.prefix(length), as: UTF8.self)
        #expect(pclose(output) == 0)
        #expect(!text.contains("jemalloc"))
        // Under a sanitizer the probe is built with it too, and malloc is part of the program.
        let expected = AllocatorReport.current().kind == .program ? "kind=program\n" : "kind=glibc\n"
        #expect(text.hasPrefix(expected))
    }
}
