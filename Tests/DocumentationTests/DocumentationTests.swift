import Gyre
import Testing

/// Code in the pages is the code of this target, so it compiles, and here it also runs.
@Suite struct DocumentationTests {
    /// Pages with Swift code. The README's second block is a manifest: CI builds the package that has it.
    private func pages() throws -> [String] {
        try ["README.md"] + CodeBlocks.files(in: "Sources/Gyre/Gyre.docc", "md")
    }

    private func sources() throws -> [String] {
        try CodeBlocks.files(in: "Tests/DocumentationTests/Snippets", "swift") + [".ci/embedder/Package.swift"]
    }

    @Test func everyBlockOfThePagesIsCompiled() throws {
        let sources = try sources().map(CodeBlocks.text)
        for page in try pages() {
            for block in CodeBlocks.extract(from: try CodeBlocks.text(page)) {
                let isCompiled = sources.contains { CodeBlocks.compiles(block, in: $0) }
                #expect(isCompiled, "\(page): no snippet is\n\(block.joined(separator: "\n"))")
            }
        }
    }

    @Test func theReadmeHasItsExampleAndItsManifest() throws {
        #expect(CodeBlocks.extract(from: try CodeBlocks.text("README.md")).count == 2)
    }

    @Test func theReadmesExampleRuns() async throws {
        try await readmeExample()
    }

    @Test func theOverviewsExampleRuns() async throws {
        #expect(try await overviewExample() == 84)
    }

    @Test func theExamplesAboutGraphsRun() async throws {
        let ends = try await graphsExample(Trip(place: "Paris", nights: 3))
        #expect(ends.first.status == .success && ends.last.status == .success)
        #expect(ends.last.nodes.count == 13)
        #expect(ends.undone.map(\.description) == ["charge: undone", "seat: undone"])
    }

    @Test func theExamplesAboutDependenciesRun() async throws {
        let end = try await dependenciesExample()
        #expect(end.count == "umbrella".count)
        #expect(end.answer == Served(value: 17, by: .staleValue(name: "last answer")))
        #expect(end.estimate == Served(value: 20, by: .fallback(name: "estimate", index: 0)))
        #expect(end.description.contains("failureShare = 0.3 (user)"))
        // The breaker opens between the first call's attempts.
        #expect(try await policyOrderExample().first == "not yet")
    }

    @Test func theExamplesAboutSharingRun() async throws {
        let ends = try await sharingExample()
        #expect(ends.page == "page of /home")
        #expect(ends.charged.value == "charged 12 EUR" && !ends.charged.isReplayed)
        #expect(ends.vector == 6)
        #expect(ends.lines == 5)
    }

    @Test func theExamplesAboutEnginesRun() async throws {
        let ends = try await engineExample()
        #expect(ends.replayed == ["price"] && ends.words == ["one", "two", "three"])
        #expect(ends.state?.phase == .ended(.succeeded(Array("270".utf8))))
    }

    // MARK: - The comparison itself

    @Test func aBlockThatDiffersIsFound() {
        let source = "import Gyre\n\nfunc f() {\n    let a = 1\n\n    if a > 0 {\n        g()\n    }\n}\n"
        let block: [Substring] = ["import Gyre", "", "let a = 1", "", "if a > 0 {", "    g()", "}"]
        #expect(CodeBlocks.compiles(block, in: source))
        for line in block.indices where !block[line].isEmpty {
            var changed = block
            changed[line] += "x"
            #expect(!CodeBlocks.compiles(changed, in: source))
        }
        #expect(!CodeBlocks.compiles(["let a = 1", "if a > 0 {"], in: source))
        #expect(!CodeBlocks.compiles([], in: source))
    }

    @Test func blocksAreCutOutOfAPage() {
        let page = "a\n```swift\nlet a = 1\n```\n```\nno\n```\n```swift\nlet b = 2\n\nlet c = 3\n```\n"
        #expect(CodeBlocks.extract(from: page) == [["let a = 1"], ["let b = 2", "", "let c = 3"]])
    }
}
