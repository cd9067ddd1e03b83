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
        let program = Process()
        program.executableURL = URL(fileURLWithPath: bundle).deletingLastPathComponent()
            .appendingPathComponent("PlainAllocatorProbe")
        let output = Pipe()
        program.standardOutput = output
        try program.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        program.waitUntilExit()
        #expect(program.terminationStatus == 0)
        #expect(!text.contains("jemalloc"))
        // Under a sanitizer the probe is built with it too, and malloc is part of the program.
        let expected = AllocatorReport.current().kind == .program ? "kind=program\n" : "kind=glibc\n"
        #expect(text.hasPrefix(expected))
    }
}
