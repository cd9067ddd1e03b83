import Glibc
import Gyre
import GyreJemalloc

/// What the runtime finds on this machine. A plain value: what is said about it is decided elsewhere.
struct DoctorFacts: Sendable {
    /// A limit on CPU time.
    struct Quota: Sendable {
        /// How many CPUs' worth of time is granted.
        var cpus: Double
        var cgroupVersion: Int
        var group: String
    }

    // The processors.
    var onlineCPUs = 1
    var cores = 1
    var packages = 1
    var numaNodes = 1
    var allowedCPUs = [0]
    var quota: Quota?
    var isQuotaMalformed = false
    var effectiveParallelism = 1

    // The clock of a runtime.
    var clockSource = "tsc"
    var clockStepNanoseconds: UInt64 = 1
    var clockReadNanoseconds = 0.0
    var clockDriftPartsPerBillion: Int64 = 0
    /// What the kernel itself reads; `nil` where it does not say.
    var kernelClockSource: String?

    // The libraries.
    var allocator = AllocatorReport.Kind.jemalloc
    /// The file whose `malloc` is in use.
    var allocatorPath: String?
    var jemallocAllocatedBytes: Int?
    var jemallocResidentBytes: Int?
    /// Files of liburcu that are mapped, such as `liburcu-common.so.8.0.0`.
    var liburcuFiles: [String] = []

    // The kernel.
    var kernelRelease = ""
    var machine = ""
    var processor: String?
    var frequencyGovernor: String?
    var transparentHugePages: String?
    var hasRestartableSequences = true
    var hasMembarrier = true
    var hasFutex = true
    var timerSlackNanoseconds: UInt64 = 50_000

    // The neighbours.
    /// Threads that ran or wanted to, on average over the last minute.
    var loadAverage: Double?
    /// Part of the time since boot that the hypervisor gave to others.
    var stealPercent: Double?
    /// How often the control group was stopped because its quota was used up.
    var throttledPeriods: UInt64?

    var isDebugBuild = false
}

extension DoctorFacts {
    /// Asks the machine. Takes some milliseconds, most of them to calibrate a clock.
    static func gather() -> DoctorFacts {
        var facts = DoctorFacts()
        facts.readProcessors()
        facts.readClock()
        facts.readKernel()
        facts.readLibraries()
        facts.loadAverage = contents(of: "/proc/loadavg").flatMap(loadAverage(in:))
        facts.stealPercent = contents(of: "/proc/stat").flatMap(stealPercent(in:))
        facts.throttledPeriods = facts.quota.flatMap(throttledPeriods(of:))
        #if DEBUG
        facts.isDebugBuild = true
        #endif
        return facts
    }

    private mutating func readProcessors() {
        let topology = CPUTopology.current()
        onlineCPUs = topology.onlineCPUs
        cores = topology.cores
        packages = topology.packages
        numaNodes = topology.numaNodes
        allowedCPUs = topology.allowedCPUs
        quota = topology.quota.map { Quota(cpus: $0.cpus, cgroupVersion: $0.cgroupVersion, group: $0.group) }
        isQuotaMalformed = topology.isQuotaMalformed
        effectiveParallelism = topology.effectiveParallelism
    }

    private mutating func readClock() {
        let clock = MonotonicClock.system()
        // The drift is known only after a comparison some time later: look again after a twentieth of a second.
        usleep(50_000)
        clock.check()
        let description = clock.description
        clockSource = description.source
        clockStepNanoseconds = description.stepNanoseconds
        clockReadNanoseconds = description.readCostNanoseconds
        clockDriftPartsPerBillion = description.driftPartsPerBillion
        kernelClockSource = Self.contents(of: "/sys/devices/system/clocksource/clocksource0/current_clocksource")?
            .split(separator: "\n").first.map(String.init)
    }

    private mutating func readKernel() {
        let features = KernelFeatures.current()
        kernelRelease = features.release
        processor = features.processor
        frequencyGovernor = features.frequencyGovernor
        transparentHugePages = features.transparentHugePages
        hasRestartableSequences = features.hasRestartableSequences
        hasMembarrier = features.hasMembarrier
        hasFutex = features.hasFutex
        timerSlackNanoseconds = features.timerSlackNanoseconds
        #if arch(x86_64)
        machine = "x86_64"
        #elseif arch(arm64)
        machine = "aarch64"
        #else
        machine = "another processor"
        #endif
    }

    private mutating func readLibraries() {
        let report = AllocatorReport.current()
        allocator = report.kind
        allocatorPath = report.path
        if report.kind == .jemalloc, let statistics = Jemalloc.statistics() {
            jemallocAllocatedBytes = statistics.allocatedBytes
            jemallocResidentBytes = statistics.residentBytes
        }
        if let maps = Self.contents(of: "/proc/self/maps") { liburcuFiles = Self.liburcuFiles(inMaps: maps) }
    }

    /// How often the group of `quota` was stopped, where its hierarchy is mounted in the usual place.
    private static func throttledPeriods(of quota: Quota) -> UInt64? {
        let mounts =
            quota.cgroupVersion == 2 ? ["/sys/fs/cgroup"] : ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"]
        return mounts.lazy.compactMap { contents(of: "\($0)\(quota.group)/cpu.stat") }.first
            .flatMap(throttledPeriods(in:))
    }

    /// The number behind `nr_throttled` in a `cpu.stat`.
    static func throttledPeriods(in text: String) -> UInt64? {
        for line in text.split(separator: "\n") where line.hasPrefix("nr_throttled ") {
            return UInt64(line.dropFirst("nr_throttled ".count))
        }
        return nil
    }

    /// Names of the files of liburcu among the mapped files.
    static func liburcuFiles(inMaps maps: String) -> [String] {
        var names: [String] = []
        for line in maps.split(separator: "\n") {
            guard let slash = line.lastIndex(of: "/") else { continue }
            let name = String(line[line.index(after: slash)...])
            if name.hasPrefix("liburcu") && !names.contains(name) { names.append(name) }
        }
        return names.sorted()
    }

    /// The first number of `/proc/loadavg`.
    static func loadAverage(in text: String) -> Double? {
        text.split(separator: " ").first.flatMap { Double($0) }
    }

    /// The eighth number of the first line of `/proc/stat`, as a share of the first eight; guests are counted in the
    /// first two already.
    static func stealPercent(in text: String) -> Double? {
        let columns = text.split(separator: "\n").first?.split(separator: " ") ?? []
        guard columns.count >= 9, columns[0] == "cpu" else { return nil }
        let ticks = columns[1...8].compactMap { Double($0) }
        let sum = ticks.reduce(0, +)
        guard ticks.count == 8, sum > 0 else { return nil }
        return ticks[7] * 100 / sum
    }

    /// A small file of the kernel's. `nil` when there is none.
    private static func contents(of path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text: [UInt8] = []
        while true {
            let count = withUnsafeTemporaryAllocation(byteCount: 1 << 14, alignment: 1) { room in
                let count = read(descriptor, room.baseAddress, room.count)
                if count > 0 { text.append(contentsOf: room.prefix(count)) }
                return count
            }
            if count == 0 { return String(decoding: text, as: UTF8.self) }
            if count < 0 && errno != EINTR { return nil }
        }
    }
}
