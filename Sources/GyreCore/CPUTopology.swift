internal import CGyre
internal import Glibc

/// Which processors the host has and how much of them this process may use.
///
/// The size of a pool follows from ``effectiveParallelism`` and never from the number of CPUs of the host: a container
/// with two CPUs on a host with sixty-four would otherwise run sixty-four threads that take turns on two.
public struct CPUTopology: Sendable, Equatable {
    /// CPUs that the kernel is prepared for.
    public let configuredCPUs: Int
    /// Hardware threads in use.
    public let onlineCPUs: Int
    /// Cores that these belong to.
    public let cores: Int
    /// Sockets.
    public let packages: Int
    /// Memory nodes.
    public let numaNodes: Int
    /// The CPUs that the process may run on, in ascending order.
    public let allowedCPUs: [Int]
    /// The tightest limit on CPU time, `nil` when there is none.
    public let quota: CPUQuota?
    /// Whether something about the quota could not be understood. It was left out, so there may be a limit after all.
    public let isQuotaMalformed: Bool
    /// How many threads can run at once: the allowed CPUs or the quota rounded up, whichever is less. At least 1.
    public let effectiveParallelism: Int

    /// Whether cores run more than one thread.
    public var hasSimultaneousMultithreading: Bool { onlineCPUs > cores }

    /// What holds at this moment. The mask is that of the main thread, which `taskset` and containers set; a worker
    /// that is pinned to one CPU therefore sees the whole of it too.
    ///
    /// Reads about a dozen small files.
    public static func current() -> CPUTopology {
        CPUTopology(root: "")
    }

    /// - Parameter root: The directory that stands for `/`. The mask always is the kernel's.
    package init(root: String) {
        var host = gyre_cpu_host()
        gyre_cpu_host_read(root, &host)
        var quota = gyre_cpu_quota()
        gyre_cpu_quota_read(root, &quota)
        configuredCPUs = Int(host.configured)
        onlineCPUs = Int(host.online)
        cores = Int(host.cores)
        packages = Int(host.packages)
        numaNodes = Int(host.numa_nodes)
        // A sandbox may refuse to tell; then all that are online have to do.
        let mask = (try? CPUMask(ofThread: getpid())) ?? (try? CPUMask(ofThread: 0))
        allowedCPUs = mask?.cpus ?? Array(0..<Int(host.online))
        isQuotaMalformed = quota.is_malformed
        effectiveParallelism = Int(gyre_cpu_parallelism(UInt32(allowedCPUs.count), &quota))
        self.quota = quota.is_limited ? CPUQuota(quota) : nil
    }
}

/// A limit on CPU time, set on a control group.
public struct CPUQuota: Sendable, Equatable {
    /// How many CPUs' worth of time is granted, such as 1.5.
    public let cpus: Double
    /// The version of the hierarchy that sets it, 1 or 2.
    public let cgroupVersion: Int
    /// The group that sets it, as a path below the hierarchy's mount.
    public let group: String

    init(_ quota: gyre_cpu_quota) {
        cpus = Double(quota.quota_us) / Double(quota.period_us)
        cgroupVersion = Int(quota.version)
        group = text(quota.group)
    }
}

/// What else decides how fast threads run and wake, as far as the kernel tells.
public struct KernelFeatures: Sendable, Equatable {
    /// The kernel's release, such as `6.1.0-18-amd64`.
    public let release: String
    /// The processor's name. `nil` where the kernel gives none, as on aarch64.
    public let processor: String?
    /// The frequency governor of the first CPU. `nil` where there is none, as in most virtual machines.
    public let frequencyGovernor: String?
    /// `always`, `madvise` or `never`. `nil` where the kernel was built without.
    public let transparentHugePages: String?
    /// Whether restartable sequences are registered: without, striped counters spread by thread and not by CPU.
    public let hasRestartableSequences: Bool
    /// Whether private expedited `membarrier` exists.
    public let hasMembarrier: Bool
    /// Whether futexes exist.
    public let hasFutex: Bool
    /// How late timed waits of the calling thread may end.
    public let timerSlackNanoseconds: UInt64

    /// What holds at this moment, for the calling thread.
    public static func current() -> KernelFeatures {
        KernelFeatures(root: "")
    }

    package init(root: String) {
        var features = gyre_cpu_features()
        gyre_cpu_features_read(root, &features)
        release = text(features.release)
        processor = nilIfEmpty(text(features.model))
        frequencyGovernor = nilIfEmpty(text(features.governor))
        transparentHugePages = nilIfEmpty(text(features.transparent_huge_pages))
        hasRestartableSequences = features.has_rseq
        hasMembarrier = features.has_membarrier
        hasFutex = features.has_futex
        timerSlackNanoseconds = features.timer_slack_ns
    }
}

/// The text in a fixed array of characters, which Swift sees as a tuple.
private func text<Characters>(_ characters: Characters) -> String {
    withUnsafeBytes(of: characters) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}

private func nilIfEmpty(_ text: String) -> String? {
    text.isEmpty ? nil : text
}
