import Foundation

/// What the kernel says of this process.
enum OwnProcess {
    /// Bytes in physical memory. The kernel's quick counts lag by some pages a thread; this walks the page tables.
    static func residentBytes() throws -> Int { try kibibytes("Rss:", in: "/proc/self/smaps_rollup") * 1_024 }

    /// Bytes of address space.
    static func addressBytes() throws -> Int { try kibibytes("VmSize:", in: "/proc/self/status") * 1_024 }

    static func threads() throws -> [Int32] { try names(in: "/proc/self/task").compactMap { Int32($0) } }

    static func descriptors() throws -> Int { try names(in: "/proc/self/fd").count }

    private static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
    }

    private static func kibibytes(_ key: String, in path: String) throws -> Int {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for line in text.split(separator: "\n") where line.hasPrefix(key) {
            if let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) { return number }
        }
        throw Trouble("\(path) has no \(key)")
    }
}

/// Lets time pass: what is tested here goes on meanwhile.
func pass(milliseconds: Int32) { _ = poll(nil, 0, milliseconds) }
func pass(microseconds: Int) {
    var span = timespec(tv_sec: 0, tv_nsec: microseconds * 1_000)
    _ = pselect(0, nil, nil, nil, &span, nil)
}

/// Looks until `condition` holds. False after `seconds`: a bound on a hang, never a measurement.
func eventually(seconds: Double = 30, _ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(seconds)
    while try !condition() {
        if Date() > end { return try condition() }
        pass(milliseconds: 1)
    }
    return true
}
