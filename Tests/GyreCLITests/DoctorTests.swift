import Foundation
import Gyre
import Testing

@testable import GyreCLI

@Suite struct DoctorTests {
    /// A machine on which nothing hurts.
    static let healthy: DoctorFacts = {
        var facts = DoctorFacts()
        facts.onlineCPUs = 8
        facts.cores = 8
        facts.allowedCPUs = Array(0..<8)
        facts.effectiveParallelism = 8
        facts.clockStepNanoseconds = 10
        facts.clockReadNanoseconds = 9.66
        facts.clockDriftPartsPerBillion = -1_250
        facts.kernelClockSource = "tsc"
        facts.allocatorPath = "/lib/libjemalloc.so.2"
        facts.jemallocAllocatedBytes = 1_234_567
        facts.jemallocResidentBytes = 2_345_678
        facts.liburcuFiles = ["liburcu-common.so.8.0.0", "liburcu.so.8.0.0"]
        facts.kernelRelease = "6.1.0"
        facts.machine = "x86_64"
        facts.processor = "A Processor"
        facts.frequencyGovernor = "performance"
        facts.transparentHugePages = "madvise"
        facts.loadAverage = 0.5
        facts.stealPercent = 0.04
        facts.throttledPeriods = 0
        return facts
    }()

    private func warnings(_ change: (inout DoctorFacts) -> Void) -> [String] {
        var facts = Self.healthy
        change(&facts)
        return facts.warnings.map(\.code)
    }

    @Test func aHealthyMachineReadsLikeThis() {
        #expect(
            DoctorReport(facts: Self.healthy).text(style: .terminal) == """
                kernel           6.1.0, x86_64
                processor        A Processor
                CPUs             8 online, 8 cores, sockets: 1, memory nodes: 1
                affinity         8 allowed: 0-7
                quota            none
                workers          8 by default
                clock            tsc, step 10 ns, a read 9.7 ns, drift -1.3 ppm, the kernel reads tsc
                allocator        jemalloc (/lib/libjemalloc.so.2), 1,234,567 bytes allocated, 2,345,678 resident
                liburcu          flavour memb: liburcu-common.so.8.0.0, liburcu.so.8.0.0
                kernel features  futex, membarrier, rseq
                frequency        governor performance
                huge pages       madvise
                timer slack      50,000 ns
                load             0.5 threads in the last minute, 0.0 % stolen by the hypervisor since boot
                build            release

                Nothing here will hurt.

                """)
    }

    @Test func eachThingThatHurtsHasItsWarning() {
        #expect(warnings { $0.isDebugBuild = true } == ["debug_build"])
        #expect(warnings { $0.effectiveParallelism = 1 } == ["one_worker"])
        #expect(warnings { $0.isQuotaMalformed = true } == ["quota_unknown"])
        #expect(warnings { $0.cores = 4 } == ["shared_cores"])
        #expect(warnings { $0.clockSource = "monotonic" } == ["slow_clock"])
        #expect(warnings { $0.clockStepNanoseconds = 101 } == ["coarse_clock"])
        #expect(warnings { $0.clockDriftPartsPerBillion = -500_001 } == ["drifting_clock"])
        #expect(warnings { $0.allocator = .glibc } == ["allocator"])
        #expect(warnings { $0.hasFutex = false } == ["no_futex"])
        #expect(warnings { $0.hasMembarrier = false } == ["no_membarrier"])
        #expect(warnings { $0.hasRestartableSequences = false } == ["no_rseq"])
        #expect(warnings { $0.frequencyGovernor = "powersave" } == ["frequency"])
        #expect(warnings { $0.timerSlackNanoseconds = 50_001 } == ["timer_slack"])
        #expect(warnings { $0.throttledPeriods = 1 } == ["throttled"])
        #expect(warnings { $0.loadAverage = 8.1 } == ["load"])
        #expect(warnings { $0.stealPercent = 2.1 } == ["steal"])
    }

    @Test func whatIsUnknownIsNoWarning() {
        #expect(
            warnings {
                $0.loadAverage = nil
                $0.stealPercent = nil
                $0.throttledPeriods = nil
                $0.frequencyGovernor = nil
                $0.kernelClockSource = nil
            } == [])
    }

    @Test func aQuotaBelowTheAffinityMaskIsWarnedOf() throws {
        let text = try #require(
            {
                var facts = Self.healthy
                facts.quota = DoctorFacts.Quota(cpus: 2.5, cgroupVersion: 2, group: "/pod")
                return facts.warnings.first { $0.code == "quota" }
            }())
        #expect(text.text.contains("the control group /pod grants 2.5 of 8 CPUs"))
        #expect(text.remedy.contains("--workers 2"))
        #expect(warnings { $0.quota = DoctorFacts.Quota(cpus: 8, cgroupVersion: 1, group: "/") } == [])
    }

    @Test func theKernelsFilesAreUnderstood() {
        #expect(DoctorFacts.loadAverage(in: "0.67 0.92 0.68 3/92 28085\n") == 0.67)
        #expect(DoctorFacts.loadAverage(in: "") == nil)
        #expect(DoctorFacts.stealPercent(in: "cpu  10 0 20 60 5 0 0 5 7 0\ncpu0 1\n") == 5)
        #expect(DoctorFacts.stealPercent(in: "cpu  0 0 0 0 0 0 0 0 0 0\n") == nil)
        #expect(DoctorFacts.stealPercent(in: "cpu  1 2 3\n") == nil)
        #expect(DoctorFacts.stealPercent(in: "nonsense") == nil)
        #expect(DoctorFacts.throttledPeriods(in: "nr_periods 9\nnr_throttled 4\nthrottled_time 7\n") == 4)
        #expect(DoctorFacts.throttledPeriods(in: "usage_usec 1\n") == nil)
        let maps = """
            7f00-7f01 r--p 00000000 fe:00 1 /usr/lib/liburcu.so.8.0.0
            7f01-7f02 r-xp 00000000 fe:00 1 /usr/lib/liburcu.so.8.0.0
            7f02-7f03 r--p 00000000 fe:00 2 /usr/lib/libc.so.6
            7f03-7f04 r--p 00000000 fe:00 3 /usr/lib/liburcu-common.so.8.0.0
            7f04-7f05 rw-p 00000000 00:00 0 [heap]
            """
        #expect(DoctorFacts.liburcuFiles(inMaps: maps) == ["liburcu-common.so.8.0.0", "liburcu.so.8.0.0"])
    }

    @Test func numbersInARowBecomeRanges() {
        #expect(DoctorReport.ranges([]) == "")
        #expect(DoctorReport.ranges([3]) == "3")
        #expect(DoctorReport.ranges([0, 1, 2, 5, 7, 8]) == "0-2, 5, 7-8")
    }

    @Test func theProgramTellsWhatItFoundHere() throws {
        let result = try GyreProcess(["doctor"]).run()
        #expect(result.status == 0)
        #expect(result.errors == "")
        #expect(result.output.contains("\nclock "))
        #expect(!result.output.contains("\u{1B}"))
        let json = try GyreProcess(["doctor", "--json"]).run()
        #expect(json.status == 0)
        let report = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let topology = CPUTopology.current()
        #expect(report["cpus_online"] as? Int == topology.onlineCPUs)
        #expect(report["workers_default"] as? Int == topology.effectiveParallelism)
        #expect(report["cpus_allowed"] as? [Int] == topology.allowedCPUs)
        #expect(report["kernel_release"] as? String == KernelFeatures.current().release)
        #expect(report["liburcu_flavour"] as? String == "memb")
        #expect((report["clock_step_nanoseconds"] as? Int ?? 0) > 0)
        #expect(report["warnings"] is [[String: String]])
        // The program links jemalloc. Under a sanitizer malloc is the sanitizer's, in every program of the build.
        if AllocatorReport.current().kind != .program {
            #expect(report["allocator"] as? String == "jemalloc")
            #expect((report["jemalloc_allocated_bytes"] as? Int ?? 0) > 0)
        }
    }
}
