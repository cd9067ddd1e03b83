import Testing

/// Habits that a compiler does not check. Each rule is a function over text, so that it can be shown to fail.
@Suite struct TidyTests {
    static let files = Result { try Repository.files() }

    private func check(_ rule: (SourceFile) -> [Finding]) throws {
        report(try Self.files.get().flatMap(rule))
    }

    private func report(_ findings: [Finding]) {
        for finding in findings { Issue.record(Comment(rawValue: finding.description)) }
    }

    @Test func theWholeRepositoryIsLookedAt() throws {
        let paths = Set(try Self.files.get().map(\.path))
        for path in ["Package.swift", "Makefile", ".ci/run", Headers.atomics, "Sources/Gyre/Runtime.swift"] {
            #expect(paths.contains(path))
        }
        #expect(!paths.contains { $0.contains(".build") })
    }

    @Test func importsFollowTheMap() throws { try check(Imports.findings) }
    @Test func nothingIsLeftUnfinished() throws { try check(Words.leftovers) }
    @Test func noFileNamesAFolderOfOneMachine() throws { try check(Words.machinePaths) }
    @Test func nothingIsForced() throws { try check(Words.forcedCode) }
    @Test func librariesDoNotPrint() throws { try check(Words.output) }
    @Test func testsDoNotSleep() throws { try check(Words.sleeps) }
    @Test func headersSayWhatTheyPromise() throws { try check(Headers.missingPromises) }
    @Test func atomicsAreSpelledInOnePlace() throws { try check(Headers.bareAtomics) }
    @Test func ordersAreWhatTheirNamesSay() throws { try check(Headers.wrongOrders) }
    @Test func filesHoldOneIdea() throws { try check(Layout.length) }
    @Test func linesFit() throws { try check(Layout.lines) }

    @Test func everyHeaderHasItsInlineCopies() throws {
        report(Headers.missingCopies(in: try Self.files.get()))
    }

    @Test func everyFileIsBuilt() throws {
        let files = try Self.files.get()
        let manifest = try #require(files.first { $0.path == "Package.swift" })
        report(Layout.unbuilt(files.map(\.path), manifest: manifest))
    }

    @Test(.enabled(if: try Repository.trackedPaths() != nil, "there is no git repository here"))
    func everythingTrackedHasItsPlace() throws {
        let paths = try #require(try Repository.trackedPaths())
        #expect(paths.contains("Package.swift"))
        report(Layout.places(of: paths))
    }
}
