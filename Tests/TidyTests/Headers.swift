/// What the headers of the C target owe their readers and the model checker.
enum Headers {
    static let folder = "CSupport/gyre/include/"
    static let atomics = "CSupport/gyre/include/gyre_atomic.h"
    static let inlineCopies = "CSupport/gyre/gyre_inline.c"

    /// Each header has its inline functions emitted once.
    static func missingCopies(in files: [SourceFile]) -> [Finding] {
        let copies = files.first { $0.path == inlineCopies }?.text ?? ""
        return files.filter { $0.path.hasPrefix(folder) && $0.path.hasSuffix(".h") }.compactMap { header in
            let name = header.path.dropFirst(folder.count)
            let isIncluded = copies.contains("#include \"\(name)\"")
            return isIncluded ? nil : Finding(header.path, "\(inlineCopies) must include it")
        }
    }

    /// A header whose functions touch atomics says, before any code, where the algorithm is from and what it promises.
    static func missingPromises(in file: SourceFile) -> [Finding] {
        guard file.path.hasPrefix(folder), file.path != atomics, touchesAtomics(file) else { return [] }
        let opening = file.lines.prefix { $0.hasPrefix("//") }
        return ["Source", "Progress", "Order", "Allocation"].compactMap { word in
            let isThere = opening.contains { $0.hasPrefix("// \(word) ") }
            return isThere ? nil : Finding(file.path, "the opening comment has no line \"\(word)\"")
        }
    }

    private static func touchesAtomics(_ file: SourceFile) -> Bool {
        ["gyre_load_", "gyre_store_", "gyre_cas_", "gyre_exchange_", "gyre_fetch_"].contains { file.code.contains($0) }
    }

    /// Atomics are spelled in one place, so that one define hands all of them to the model checker.
    static func bareAtomics(in file: SourceFile) -> [Finding] {
        guard file.path.hasPrefix("CSupport/"), file.path != atomics else { return [] }
        return file.codeLines.enumerated().compactMap { index, line in
            ["__atomic_", "__sync_", "_Atomic", "stdatomic", "__c11_"].first { line.contains($0) }.map {
                Finding(file.path, index + 1, "\($0) outside gyre_atomic.h")
            }
        }
    }

    /// An operation has the order that its name says, on the machine as well as under the model checker, which cannot
    /// see the former: a builtin passes its order on, an order is that of the compiler, and a fence is one.
    static func wrongOrders(in file: SourceFile) -> [Finding] {
        guard file.path == atomics else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            let orders = line.matches(of: /(?:GYRE|__ATOMIC)_(RELAXED|ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)\b/)
                .map { $0.output.1.lowercased() }
            let isRight =
                if line.hasPrefix("#define gyre_"), !orders.isEmpty {
                    line.prefix { $0 != "(" }.hasSuffix("_" + orders.joined(separator: "_"))
                } else if line.hasPrefix("#define GYRE_"), line.contains(" __ATOMIC_") {
                    orders.count == 2 && orders[0] == orders[1]
                } else if line.contains("void gyre_fence_seq_cst(void)") {
                    orders == ["seq_cst"] || line.contains("\"lock; orq $0, (%%rsp)\" ::: \"memory\"")
                } else if line.contains("__atomic_") {
                    line.contains("(order)") || line.contains("(success), (failure)")
                } else {
                    true
                }
            return isRight ? nil : Finding(file.path, index + 1, "an order that is not the one in the name")
        }
    }
}
