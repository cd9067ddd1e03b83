import Testing

/// Every rule on a text that keeps it and on one that breaks it.
@Suite struct RuleTests {
    private let gyre = "Sources/Gyre/A.swift"
    private let core = "Sources/GyreCore/A.swift"
    private let header = "CSupport/gyre/include/gyre_a.h"

    private func lines(_ findings: [Finding]) -> [Int] { findings.map(\.line) }

    // MARK: - Code, comments, strings

    @Test(arguments: [
        ("let a = 1 // b", "let a = 1     "),
        ("a /* b\nc */ d", "a     \n     d"),
        (#"f("x // y") + 1"#, #"f("      ") + 1"#),
        (#"f("a\"b") + c"#, #"f("    ") + c"#),
        (##"f("a \(g("b")) c") + d"##, ##"f("             ") + d"##),
        ("f(\"\"\"\n a \"b\"\n \"\"\") + c", "f(\"\"\"\n      \n \"\"\") + c"),
        (###"f(#"a "b" \#(c)"#)"###, ###"f(#"           "#)"###),
    ])
    func commentsAndStringsAreNoCode(text: String, code: String) {
        #expect(SourceFile("A.swift", text).code == code)
    }

    @Test func aQuoteInACharacterOpensNoString() {
        #expect(SourceFile("a.c", #"char a = '"'; b();"#).code == #"char a = ' '; b();"#)
    }

    // MARK: - Imports

    @Test(arguments: [
        ("Sources/GyreCore/A.swift", "internal import CGyre"),
        ("Sources/GyrePolicy/A.swift", "import GyreCore"),
        ("Sources/Gyre/A.swift", "@_exported public import GyreCore"),
        ("Sources/GyreCLI/A.swift", "import ArgumentParser"),
        ("Sources/Gyre/A.swift", "// import Foundation"),
        ("Tests/GyreTests/A.swift", "import Foundation"),
    ])
    func anImportAlongTheMapPasses(path: String, text: String) {
        #expect(Imports.findings(in: SourceFile(path, text)) == [])
    }

    @Test(arguments: [
        ("Sources/GyreCore/A.swift", "import CGyre"),
        ("Sources/GyreCore/A.swift", "public import CGyre"),
        ("Sources/GyreCore/A.swift", "import Foundation"),
        ("Sources/GyreCore/A.swift", "import Gyre"),
        ("Sources/GyrePolicy/A.swift", "import Gyre"),
        ("Sources/GyrePolicy/A.swift", "import Foundation"),
        ("Sources/Gyre/A.swift", "internal import CGyre"),
        ("Sources/Gyre/A.swift", "@preconcurrency import struct Foundation.Date"),
        ("Sources/GyreObserve/A.swift", "import Gyre"),
        ("Sources/GyreCLI/A.swift", "internal import CGyre"),
        ("Sources/GyreNew/A.swift", "let a = 1"),
    ])
    func anImportAgainstTheMapIsFound(path: String, text: String) {
        #expect(Imports.findings(in: SourceFile(path, text)).count == 1)
    }

    // MARK: - Words

    @Test func leftoversAreFoundInCodeAndComments() {
        for word in Words.leftovers {
            #expect(lines(Words.leftovers(in: SourceFile(gyre, "let a = 1\n// \(word): later"))) == [2])
            #expect(lines(Words.leftovers(in: SourceFile("README.md", "a \(word)."))) == [1])
        }
        #expect(Words.leftovers(in: SourceFile(gyre, "// a stubborn shackle, size XXXL")) == [])
    }

    @Test func foldersOfOneMachineAreFound() {
        for path in Words.machinePaths {
            #expect(lines(Words.machinePaths(in: SourceFile("Makefile", "\n\tcp a \(path)b"))) == [2])
        }
        let text = "https://site.org/wo" + "rk/a and Sources/ro" + "ot/a and the folder /tm" + "p/"
        #expect(Words.machinePaths(in: SourceFile("a.md", text)) == [])
    }

    @Test(arguments: ["let a = try" + "! f()", "let a = b as" + "! C", "fatalError" + "()"])
    func forcedCodeIsFound(text: String) {
        #expect(lines(Words.forcedCode(in: SourceFile(gyre, "\n" + text))) == [2])
        #expect(Words.forcedCode(in: SourceFile(gyre, "// " + text)) == [])
    }

    @Test func codeThatIsNotForcedPasses() {
        let text = "let a = try f()\nlet b = a as? C\nfatalError(\"no memory\")"
        #expect(Words.forcedCode(in: SourceFile(gyre, text)) == [])
    }

    @Test(arguments: ["print(a)", "  debugPrint(a)", "if b { dump(a) }"])
    func aLibraryThatPrintsIsFound(text: String) {
        #expect(lines(Words.output(in: SourceFile(gyre, text))) == [1])
        #expect(Words.output(in: SourceFile("Sources/GyreCLI/A.swift", text)) == [])
        #expect(
            Words.output(in: SourceFile(gyre, "/// \(text)\nreport.\(text.split(separator: " ").last ?? "")")) == [])
    }

    @Test(arguments: ["usleep(10)", "Thread" + ".sleep(1)", "try await Task" + ".sleep(for: a)", "nanosleep(&a, nil)"])
    func aTestThatSleepsIsFound(text: String) {
        #expect(lines(Words.sleeps(in: SourceFile("Tests/GyreTests/A.swift", text))) == [1])
        #expect(Words.sleeps(in: SourceFile("Tests/GyreTests/A.swift", "// " + text)) == [])
    }

    @Test func sleepingIsWhatTheRuntimeMayOffer() {
        let text = "await gyre.sleep(until: a)\nfunc sleep() {}\ngyre_park_sleep(a)"
        #expect(Words.sleeps(in: SourceFile("Tests/GyreTests/A.swift", text)) == [])
    }

    // MARK: - Headers

    @Test func aHeaderWithoutInlineCopiesIsFound() {
        let copies = SourceFile(Headers.inlineCopies, "#include \"gyre_a.h\"\n")
        #expect(Headers.missingCopies(in: [copies, SourceFile(header, "")]) == [])
        let other = SourceFile("CSupport/gyre/include/gyre_b.h", "")
        #expect(Headers.missingCopies(in: [copies, other]).map(\.path) == [other.path])
    }

    @Test func aProtocolWithoutItsPromisesIsFound() {
        let promises = "// Source      a\n// Progress    b\n// Order       c\n// Allocation  d\n\n"
        let code = "void f(gyre_atomic_u32 *a) { gyre_store_relaxed(a, 1); }\n"
        #expect(Headers.missingPromises(in: SourceFile(header, promises + code)) == [])
        #expect(Headers.missingPromises(in: SourceFile(header, code)).count == 4)
        #expect(Headers.missingPromises(in: SourceFile(header, code + promises)).count == 4)
        #expect(Headers.missingPromises(in: SourceFile(header, "void f(void);\n")) == [])
    }

    @Test(arguments: ["_Atomic(int) a;", "__atomic_load_n(a, 0);", "__sync_synchronize();", "#include <stdatomic.h>"])
    func bareAtomicsAreFound(text: String) {
        #expect(lines(Headers.bareAtomics(in: SourceFile("CSupport/gyre/gyre_a.c", "\n" + text))) == [2])
        #expect(Headers.bareAtomics(in: SourceFile("CSupport/gyre/gyre_a.c", "// " + text)) == [])
        #expect(Headers.bareAtomics(in: SourceFile(Headers.atomics, text)) == [])
    }

    @Test(arguments: [
        "#define gyre_load_acquire(p) GYRE_LOAD(p, GYRE_ACQUIRE)",
        "#define gyre_cas_acq_rel_acquire(p, e, d) GYRE_CAS(p, e, d, GYRE_ACQ_REL, GYRE_ACQUIRE)",
        "#define GYRE_SEQ_CST __ATOMIC_SEQ_CST",
        "#define GYRE_LOAD(p, order) __atomic_load_n(&(p)->value, (order))",
        "GYRE_INLINE void gyre_fence_seq_cst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }",
    ])
    func ordersThatAreNotThoseOfTheNameAreFound(text: String) {
        #expect(Headers.wrongOrders(in: SourceFile(Headers.atomics, text)) == [])
        let weaker = ["GYRE_ACQUIRE)": "GYRE_RELAXED)", "__ATOMIC_SEQ_CST": "__ATOMIC_ACQ_REL", "(order))": "0)"]
            .reduce(text) { $0.replacing($1.key, with: $1.value) }
        #expect(weaker != text)
        #expect(lines(Headers.wrongOrders(in: SourceFile(Headers.atomics, "\n" + weaker))) == [2])
    }

    // MARK: - Layout

    @Test func aFileThatIsTooLongIsFound() {
        let line = "let a = 1\n"
        #expect(Layout.length(of: SourceFile(gyre, String(repeating: line, count: Layout.linesMax))) == [])
        #expect(Layout.length(of: SourceFile(gyre, String(repeating: line, count: Layout.linesMax + 1))).count == 1)
    }

    @Test func linesThatDoNotFitAreFound() {
        let fits = "// " + String(repeating: "─", count: Layout.columnsMax - 3)
        #expect(Layout.lines(of: SourceFile(header, fits)) == [])
        #expect(lines(Layout.lines(of: SourceFile(header, "\n" + fits + "─"))) == [2])
        #expect(lines(Layout.lines(of: SourceFile(gyre, "a\n\tb\nc \n"))) == [2, 3])
    }

    @Test func whatHasNoPlaceIsFound() {
        #expect(Layout.places(of: ["Sources/Gyre/A.swift", ".ci/run", "LICENSE", ".gitignore"]) == [])
        let misplaced = ["notes.txt", "docs/a.md", ".build-tsan/a.o", "Benchmarks/.build/debug.yaml"]
        #expect(Layout.places(of: misplaced).map(\.path) == misplaced)
    }

    @Test func aFileThatNoTargetBuildsIsFound() {
        let manifest = SourceFile(
            "Package.swift",
            """
            .target(name: "Gyre", dependencies: [.product(name: "B", package: "b")]),
            .target(name: "CGyre", path: "CSupport/gyre"),
            .testTarget(name: "GyreTests", dependencies: ["Gyre"]),
            """)
        #expect(Layout.targetFolders(manifest) == ["Sources/Gyre", "CSupport/gyre", "Tests/GyreTests"])
        let built = [
            gyre, header, "Tests/GyreTests/A.swift", "Sources/Gyre/Gyre.docc/Gyre.md", "Benchmarks/a.swift",
            "Tests/Fuzz/a.c", "Tests/README.md",
        ]
        #expect(Layout.unbuilt(built, manifest: manifest) == [])
        let unbuilt = [core, "Sources/A.swift", "Tests/Other/A.swift", "Sources/Gyre/notes.md", "CSupport/other/a.c"]
        #expect(Layout.unbuilt(unbuilt, manifest: manifest).map(\.path) == unbuilt)
    }
}
