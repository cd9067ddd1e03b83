import GyreObserve

/// Something that will hurt, and what to do about it.
struct DoctorWarning: Sendable, Equatable {
    /// Stays the same from version to version, for programs that read the report.
    let code: String
    let text: String
    let remedy: String
}

extension DoctorFacts {
    /// One warning for each thing that will hurt; empty on a good machine.
    var warnings: [DoctorWarning] {
        [buildWarnings, processorWarnings, clockWarnings, libraryWarnings, kernelWarnings, neighbourWarnings]
            .flatMap { $0 }
    }

    private var buildWarnings: [DoctorWarning] {
        guard isDebugBuild else { return [] }
        return [
            DoctorWarning(
                code: "debug_build", text: "this is a debug build: its figures say nothing about the engine",
                remedy: "build with: swift build -c release")
        ]
    }

    private var processorWarnings: [DoctorWarning] {
        var warnings: [DoctorWarning] = []
        if effectiveParallelism == 1 {
            warnings.append(
                DoctorWarning(
                    code: "one_worker", text: "there is room for one worker only: tasks take turns",
                    remedy: "give the process at least two CPUs (affinity mask, cpuset or quota)"))
        }
        if let quota, quota.cpus < Double(allowedCPUs.count) {
            let whole = max(1, Int(quota.cpus))
            warnings.append(
                DoctorWarning(
                    code: "quota",
                    text: "the control group \(quota.group) grants \(oneDecimal(quota.cpus)) of "
                        + "\(allowedCPUs.count) CPUs: once the share of a period is used up, all workers stand still "
                        + "for the rest of it",
                    remedy: "raise the group's CPU limit, or run \(whole) worker\(whole == 1 ? "" : "s") "
                        + "(--workers \(whole)) so that the share lasts"))
        }
        if isQuotaMalformed {
            warnings.append(
                DoctorWarning(
                    code: "quota_unknown", text: "the control group's CPU limit could not be understood",
                    remedy: "set the number of workers by hand (--workers)"))
        }
        if cores < onlineCPUs && effectiveParallelism > cores {
            warnings.append(
                DoctorWarning(
                    code: "shared_cores",
                    text: "\(effectiveParallelism) workers share \(cores) core\(cores == 1 ? "" : "s"): hardware "
                        + "threads of one core slow each other down",
                    remedy: "compare with --workers \(cores) before you trust the default"))
        }
        return warnings
    }

    private var clockWarnings: [DoctorWarning] {
        var warnings: [DoctorWarning] = []
        if clockSource == "monotonic" {
            warnings.append(
                DoctorWarning(
                    code: "slow_clock",
                    text: "the processor's counter cannot be trusted here: the clock is the kernel's, at "
                        + "\(oneDecimal(clockReadNanoseconds)) ns a read",
                    remedy: "see /sys/devices/system/clocksource/clocksource0; a virtual machine needs an invariant "
                        + "TSC from its host"))
        }
        if clockStepNanoseconds > 100 {
            warnings.append(
                DoctorWarning(
                    code: "coarse_clock",
                    text:
                        "the clock moves in steps of \(grouped(clockStepNanoseconds)) ns: shorter times cannot be told "
                        + "apart",
                    remedy: "read latencies as multiples of the step"))
        }
        // 500 ppm is the most that time synchronisation corrects on the kernel's side.
        if clockDriftPartsPerBillion.magnitude > 500_000 {
            warnings.append(
                DoctorWarning(
                    code: "drifting_clock",
                    text: "the clock runs \(oneDecimal(Double(clockDriftPartsPerBillion.magnitude) / 1_000)) ppm off "
                        + "CLOCK_MONOTONIC",
                    remedy: "check time synchronisation (chronyc tracking, timedatectl)"))
        }
        return warnings
    }

    private var libraryWarnings: [DoctorWarning] {
        guard allocator != .jemalloc else { return [] }
        return [
            DoctorWarning(
                code: "allocator",
                text:
                    "malloc is not jemalloc's (\(allocator.rawValue)): tasks are allocated on one thread and freed on "
                    + "another, which costs the async path about three times as much",
                remedy: "link GyreJemalloc, or start with LD_PRELOAD=libjemalloc.so.2")
        ]
    }

    private var kernelWarnings: [DoctorWarning] {
        var warnings: [DoctorWarning] = []
        if !hasFutex {
            warnings.append(
                DoctorWarning(
                    code: "no_futex", text: "the kernel refuses futexes: workers cannot sleep",
                    remedy: "allow futex(2) in the sandbox"))
        }
        if !hasMembarrier {
            warnings.append(
                DoctorWarning(
                    code: "no_membarrier",
                    text: "the kernel has no private expedited membarrier: liburcu's readers pay for fences",
                    remedy: "use Linux 4.14 or newer, and allow membarrier(2) in the sandbox"))
        }
        if !hasRestartableSequences {
            warnings.append(
                DoctorWarning(
                    code: "no_rseq",
                    text:
                        "restartable sequences are not registered: counters of outside threads share lines more often",
                    remedy: "use Linux 4.18 and glibc 2.35 or newer, without glibc.pthread.rseq=0"))
        }
        if frequencyGovernor == "powersave" || frequencyGovernor == "conservative" {
            warnings.append(
                DoctorWarning(
                    code: "frequency",
                    text:
                        "the frequency governor is \(frequencyGovernor ?? ""): the first tasks after a pause are slow",
                    remedy: "cpupower frequency-set -g performance"))
        }
        if timerSlackNanoseconds > 50_000 {
            warnings.append(
                DoctorWarning(
                    code: "timer_slack",
                    text: "timed waits may end \(grouped(timerSlackNanoseconds / 1_000)) us late",
                    remedy: "lower the timer slack of the parent process (PR_SET_TIMERSLACK, or TimerSlackNSec= of a "
                        + "systemd unit)"))
        }
        return warnings
    }

    private var neighbourWarnings: [DoctorWarning] {
        var warnings: [DoctorWarning] = []
        if let throttledPeriods, throttledPeriods > 0 {
            warnings.append(
                DoctorWarning(
                    code: "throttled",
                    text:
                        "the control group was stopped \(grouped(throttledPeriods)) times as its CPU limit was used "
                        + "up",
                    remedy: "raise the group's CPU limit, or run fewer workers"))
        }
        if let loadAverage, loadAverage > Double(allowedCPUs.count) {
            warnings.append(
                DoctorWarning(
                    code: "load",
                    text: "\(oneDecimal(loadAverage)) threads wanted to run in the last minute, on "
                        + "\(allowedCPUs.count) CPUs: workers wait for their turn",
                    remedy: "measure when the machine is quiet"))
        }
        if let stealPercent, stealPercent > 2 {
            warnings.append(
                DoctorWarning(
                    code: "steal",
                    text:
                        "the hypervisor gave \(oneDecimal(stealPercent)) % of the time to others: expect pauses "
                        + "of many ms",
                    remedy: "ask for dedicated CPUs"))
        }
        return warnings
    }
}
