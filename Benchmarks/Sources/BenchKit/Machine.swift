import Glibc
import Gyre
import GyreJemalloc

/// Where figures come from. Without it they mean nothing.
package struct Machine {
    let processor: String
    let cores: String
    let kernel: String
    let load: String
    let toolchain: String
    let commit: String
    let clock: String
    let allocator: String

    package static func read() -> Machine {
        let topology = CPUTopology.current()
        let clock = MonotonicClock.system().description
        return Machine(
            processor: field("model name", of: "/proc/cpuinfo") ?? "unknown",
            cores: "\(topology.effectiveParallelism) may be used of \(topology.allowedCPUs.count) allowed",
            kernel: line(of: "/proc/sys/kernel/osrelease") ?? "unknown",
            load: line(of: "/proc/loadavg") ?? "unknown",
            toolchain: output("swift --version 2>&1 | grep -o 'Swift version.*'") ?? "unknown",
            commit: output("git -C '\(sourceFolder)' describe --always --dirty --abbrev=12 2>&1") ?? "unknown",
            clock:
                "\(clock.source), step \(clock.stepNanoseconds) ns, a read \(tenths(clock.readCostNanoseconds)) ns",
            allocator: Jemalloc.isLive ? "jemalloc \(Jemalloc.version ?? "")" : AllocatorReport.current().kind.rawValue)
    }

    package var text: String {
        """
        processor  \(processor)
        cores      \(cores)
        kernel     Linux \(kernel), load \(load)
        toolchain  \(toolchain), release build
        commit     \(commit)
        stamps     \(clock)
        allocator  \(allocator)
        """
    }

    private static var sourceFolder: Substring {
        #filePath.prefix(upTo: #filePath.lastIndex(of: "/") ?? #filePath.startIndex)
    }

    /// The first line of a file.
    static func line(of path: String) -> String? { lines(fopen(path, "r"), fclose).first }

    /// The value behind `name` in a file of the kernel's "name : value" lines.
    private static func field(_ name: String, of path: String) -> String? {
        let found = lines(fopen(path, "r"), fclose).first { $0.hasPrefix(name) }
        return found.flatMap { $0.split(separator: ":").last.map { String($0.drop { $0 == " " }) } }
    }

    /// The first line that a command prints.
    private static func output(_ command: String) -> String? { lines(popen(command, "r"), pclose).first }

    private static func lines(_ file: UnsafeMutablePointer<FILE>?, _ close: (UnsafeMutablePointer<FILE>) -> Int32)
        -> [String]
    {
        guard let file else { return [] }
        defer { _ = close(file) }
        var lines: [String] = []
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        while getline(&line, &room, file) > 0, let line {
            let text = String(cString: line)
            lines.append(text.hasSuffix("\n") ? String(text.dropLast()) : text)
        }
        return lines
    }
}

/// A figure with one decimal.
package func tenths(_ value: Double) -> String {
    let scaled = Int((value * 10).rounded())
    return "\(scaled / 10).\(abs(scaled % 10))"
}
