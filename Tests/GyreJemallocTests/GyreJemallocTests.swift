import Glibc
import GyreCore
import Testing

/// All tests of the package run in one process, which either links jemalloc or does not. So each question goes to a
/// process of its own: small programs that stand beside the test bundle.
@Suite struct GyreJemallocTests {
    /// Under a sanitizer `malloc` is the sanitizer's, in every program that is built with it.
    static let isSanitized = AllocatorReport.current().kind == .program

    @Test(.enabled(if: !isSanitized)) func aProgramThatLinksItRunsOnJemalloc() throws {
        let answers = try run("JemallocAllocatorProbe")
        #expect(answers["isLive"] == "true")
        #expect(answers["kind"] == "jemalloc")
        #expect(answers["path"]?.contains("libjemalloc") == true)
        #expect(answers["version"]?.first?.isNumber == true)
    }

    @Test(.enabled(if: !isSanitized)) func jemallocCountsWhatTheProgramAllocates() throws {
        let answers = try run("JemallocAllocatorProbe")
        for key in ["allocatedGrowth", "activeGrowth", "residentGrowth"] {
            let growth = try #require(answers[key].flatMap { Int($0) })
            #expect(growth >= 64 << 20, "\(key)")
            #expect(growth < 72 << 20, "\(key)")
        }
        #expect(answers["isOrdered"] == "true")
    }

    /// Ours by default, and whoever starts the program has the last word.
    @Test(
        .enabled(if: !isSanitized),
        arguments: [
            ("", "60.0 seconds"), ("MALLOC_CONF=dirty_decay_ms:2500", "2.5 seconds"),
            ("MALLOC_CONF=dirty_decay_ms:-1", "for ever"), ("MALLOC_CONF=narenas:2", "60.0 seconds"),
        ])
    func unusedPagesAreKeptForAMinuteUnlessSomebodySaysOtherwise(environment: String, kept: String) throws {
        #expect(try run("JemallocAllocatorProbe", environment)["unusedPagesKept"] == kept)
    }

    @Test(.enabled(if: isSanitized)) func aSanitizersAllocatorIsNotTakenForJemalloc() throws {
        let answers = try run("JemallocAllocatorProbe")
        #expect(answers["isLive"] == "false")
        #expect(answers["kind"] == "program")
    }
}

/// Runs a program that was built beside the tests and returns the `key=value` lines that it printed.
private func run(_ name: String, _ environment: String = "") throws -> [String: String] {
    var path = [CChar](repeating: 0, count: 4_096)
    let length = readlink("/proc/self/exe", &path, path.count)
    try #require(length > 0)
    let bundle = String(decoding: path.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
    let folder = bundle.split(separator: "/").dropLast().joined(separator: "/")
    let output = try #require(popen("\(environment) '/\(folder)/\(name)'", "r"))
    var answers: [String: String] = [:]
    var line = [CChar](repeating: 0, count: 4_096)
    while fgets(&line, Int32(line.count), output) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        let parts = text.dropLast().split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if parts.count == 2 { answers[String(parts[0])] = String(parts[1]) }
    }
    try #require(pclose(output) == 0, "\(name) failed")
    return answers
}
