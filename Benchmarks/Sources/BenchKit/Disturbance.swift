import Glibc

/// How much of the machine others used while something was measured.
package struct Disturbance: Sendable, Equatable {
    /// Of the time of all cores: used by other processes.
    package let others: Double
    /// Of the time of all cores: taken by the hypervisor.
    package let stolen: Double

    package init(others: Double, stolen: Double) {
        self.others = others
        self.stolen = stolen
    }

    /// Figures are shown and nothing is decided by them.
    package var isNoisy: Bool { others > 0.05 || stolen > 0.02 }

    package var text: String { "others used \(percent(others)), the hypervisor \(percent(stolen)) of the machine" }

    private func percent(_ share: Double) -> String { "\(tenths(share * 100)) %" }
}

/// Time that the cores have spent since the start, in ticks of the kernel, and how much of it this process and its
/// children did.
struct Occupation {
    var all = 0.0
    var busy = 0.0
    var stolen = 0.0
    var own = 0.0

    /// Where the kernel does not tell, everything is 0, and nothing counts as noise.
    static func now() -> Occupation {
        var occupation = Occupation()
        // cpu user nice system idle iowait irq softirq steal …
        let words = (Machine.line(of: "/proc/stat") ?? "").split(separator: " ").dropFirst().compactMap { Double($0) }
        guard words.count >= 8 else { return occupation }
        occupation.all = words[0..<8].reduce(0, +)
        occupation.stolen = words[7]
        occupation.busy = occupation.all - words[3] - words[4] - words[7]
        occupation.own = spent(Int32(RUSAGE_SELF.rawValue)) + spent(RUSAGE_CHILDREN.rawValue) + spentByRunningChildren()
        return occupation
    }

    func since(_ earlier: Occupation) -> Disturbance {
        let all = self.all - earlier.all
        guard all > 0 else { return Disturbance(others: 0, stolen: 0) }
        let others = (busy - earlier.busy) - (own - earlier.own)
        return Disturbance(others: Swift.max(0, others / all), stolen: (stolen - earlier.stolen) / all)
    }

    private static let ticksPerSecond = Double(sysconf(Int32(_SC_CLK_TCK)))

    private static func spent(_ who: Int32) -> Double {
        var usage = rusage()
        guard getrusage(who, &usage) == 0 else { return 0 }
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        return (seconds + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6) * ticksPerSecond
    }

    /// Peers in processes of their own run as long as this one does; what they use is ours too.
    nonisolated(unsafe) static var children: [pid_t] = []

    private static func spentByRunningChildren() -> Double {
        children.reduce(0) { sum, child in
            // pid (name) state … ; utime and stime are the 14th and 15th field, the 12th and 13th after the name.
            let line = Machine.line(of: "/proc/\(child)/stat") ?? ""
            let fields = line.drop { $0 != ")" }.split(separator: " ")
            guard fields.count > 13, let user = Double(fields[12]), let system = Double(fields[13]) else { return sum }
            return sum + user + system
        }
    }
}

extension Disturbance {
    /// Counts what a peer's process uses as ours, from now on.
    package static func countAsOwn(_ child: pid_t) { Occupation.children.append(child) }

    /// It has ended and was waited for: the kernel counts it among this process's children now.
    package static func countAsEnded(_ child: pid_t) { Occupation.children.removeAll { $0 == child } }
}
