import CFaults
import Foundation

/// Every creation of the C core, with every one of its allocations failing in turn.
func runAllocations(_ arguments: Arguments, _ report: inout Report) throws {
    let root = try makeQuotaTree()
    defer { removeTree(root) }
    fault_quota_root(root.path)
    var creations = 0
    var failures: UInt64 = 0
    var found: [String] = []
    while let name = fault_creation_name(UInt32(creations)).map({ String(cString: $0) }) {
        let creation = UInt32(creations)
        creations += 1
        let whole = fault_creation_try(creation, 0)
        guard whole.created, whole.allocations > 0 else {
            found.append("\(name) is not created, or without an allocation that could fail")
            continue
        }
        if whole.live != 0 { found.append("\(name): \(whole.live) allocations are left after it was destroyed") }
        for nth in 1...whole.allocations {
            let result = fault_creation_try(creation, nth)
            failures += 1
            if result.wrong { found.append("\(name) was created although allocation \(nth) failed") }
            if result.live != 0 { found.append("\(name): \(result.live) allocations are left when \(nth) fails") }
        }
        if !fault_creation_try(creation, 0).created { found.append("\(name) is not created after its failures") }
    }
    report.row("an allocation fails, each of \(creations) creations", failures, "failures", found: found)
}

/// What the kernel shows of a process whose group may use half a processor.
private func makeQuotaTree() throws -> URL {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    let texts = [
        "proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n",
        "proc/self/cgroup": "0::/half\n", "sys/fs/cgroup/half/cpu.max": "50000 100000\n",
    ]
    for (path, text) in texts {
        let file = root.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
    }
    return root
}

private func removeTree(_ root: URL) {
    do {
        try FileManager.default.removeItem(at: root)
    } catch {
        FileHandle.standardError.write(Data("\(root.path) stays behind: \(error)\n".utf8))
    }
}
