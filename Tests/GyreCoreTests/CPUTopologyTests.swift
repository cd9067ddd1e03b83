import Glibc
import Testing

@testable import GyreCore

@Suite struct CPUTopologyTests {
    @Test func thisMachineMakesSense() throws {
        let found = CPUTopology.current()
        #expect(found.configuredCPUs >= found.onlineCPUs)
        #expect(found.onlineCPUs >= found.cores)
        #expect(found.cores >= found.packages)
        #expect(found.packages >= 1)
        #expect(found.numaNodes >= 1)
        #expect(found.allowedCPUs == (try CPUMask(ofThread: getpid())).cpus)
        #expect((1...found.allowedCPUs.count).contains(found.effectiveParallelism))
    }

    /// Two sockets of two cores with two threads each; the last CPU is switched off.
    @Test func coresAndSocketsAreCountedBySiblings() throws {
        var files = [
            "/sys/devices/system/cpu/possible": "0-15\n",
            "/sys/devices/system/cpu/online": "0-3,4-6\n",
            "/sys/devices/system/node/online": "0-1\n",
        ]
        let (cores, sockets) = (["0,4", "1,5", "2,6", "3"], ["0-1,4-5", "2-3,6"])
        for cpu in 0..<7 {
            files["/sys/devices/system/cpu/cpu\(cpu)/topology/thread_siblings_list"] = cores[cpu % 4] + "\n"
            files["/sys/devices/system/cpu/cpu\(cpu)/topology/core_siblings_list"] = sockets[cpu % 4 / 2] + "\n"
        }
        let tree = try FileTree(files)
        let found = CPUTopology(root: tree.root)
        #expect(found.configuredCPUs == 16)
        #expect(found.onlineCPUs == 7)
        #expect(found.cores == 4)
        #expect(found.packages == 2)
        #expect(found.numaNodes == 2)
        #expect(found.hasSimultaneousMultithreading)
    }

    @Test(arguments: ["", "x\n", "9-3\n", "0-\n", "0-x\n", "0-99999999999\n", "-\n", "0-4294967294\n"])
    func listsThatMakeNoSenseFallBackToTheSystemsCount(list: String) throws {
        let tree = try FileTree([
            "/sys/devices/system/cpu/possible": list, "/sys/devices/system/cpu/online": list,
            "/sys/devices/system/node/online": list,
        ])
        let found = CPUTopology(root: tree.root)
        #expect(found.onlineCPUs == sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        #expect(found.cores == found.onlineCPUs)
        #expect(found.packages == 1)
        #expect(found.numaNodes == 1)
    }

    /// A CPU that says nothing of its siblings, or nothing that can be understood, has none.
    @Test func siblingsThatAreNotToldCountAsNone() throws {
        let tree = try FileTree([
            "/sys/devices/system/cpu/possible": "0-1\n",
            "/sys/devices/system/cpu/online": "0-1\n",
            "/sys/devices/system/cpu/cpu1/topology/thread_siblings_list": "x\n",
            "/sys/devices/system/cpu/cpu1/topology/core_siblings_list": "\n",
        ])
        let found = CPUTopology(root: tree.root)
        #expect(found.onlineCPUs == 2)
        #expect(found.cores == 2)
        #expect(found.packages == 2)
    }

    @Test func moreCPUsOnlineThanThereAreCannotBe() throws {
        let tree = try FileTree([
            "/sys/devices/system/cpu/possible": "0-1\n", "/sys/devices/system/cpu/online": "0-7\n",
        ])
        let found = CPUTopology(root: tree.root)
        #expect(found.configuredCPUs == 2)
        #expect(found.onlineCPUs == 2)
        #expect(found.cores == 2)
    }

    /// One list is sound and the other is not, so that the system's count of one meets the list of the other.
    @Test(arguments: ["", "x\n"]) func aCountBesideAListNeverLeavesMoreOnlineThanThereAre(online: String) throws {
        let tree = try FileTree([
            "/sys/devices/system/cpu/possible": "0\n", "/sys/devices/system/cpu/online": online,
        ])
        let found = CPUTopology(root: tree.root)
        #expect(found.onlineCPUs == sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        #expect(found.configuredCPUs >= found.onlineCPUs)
    }

    /// Only the beginning of a long file is read, and only as much of a name is kept as there is room for.
    @Test func whatIsTooLongIsCutOff() throws {
        let name = String(repeating: "9000 ", count: 40)
        let tree = try FileTree([
            "/proc/cpuinfo": "model name\t: \(name)\n" + String(repeating: "flags\t: x\n", count: 1_000),
            "/sys/devices/system/cpu/possible": "0-3," + String(repeating: " ", count: 5_000) + "4",
        ])
        #expect(KernelFeatures(root: tree.root).processor == String(name.prefix(127)))
        #expect(CPUTopology(root: tree.root).configuredCPUs == 4)
    }

    @Test func kernelFeaturesAreReadFromTheirFiles() throws {
        let tree = try FileTree([
            "/proc/cpuinfo": "processor\t: 0\nvendor_id\t: X\nmodel name\t: Made Up 9000 CPU\nflags\t: a b\n",
            "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
            "/sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
        ])
        let found = KernelFeatures(root: tree.root)
        #expect(found.processor == "Made Up 9000 CPU")
        #expect(found.frequencyGovernor == "powersave")
        #expect(found.transparentHugePages == "madvise")
    }

    @Test(arguments: [["/proc/cpuinfo": "CPU implementer\t: 0x41\n"], [:]])
    func featuresThatTheKernelDoesNotShowAreNil(files: [String: String]) throws {
        let tree = try FileTree(files)
        let found = KernelFeatures(root: tree.root)
        #expect(found.processor == nil)
        #expect(found.frequencyGovernor == nil)
        #expect(found.transparentHugePages == nil)
    }

    @Test func thisKernelHasFutexesAndASlack() {
        let found = KernelFeatures.current()
        #expect(found.hasFutex)
        #expect(found.timerSlackNanoseconds > 0)
        var system = utsname()
        #expect(uname(&system) == 0)
        #expect(withUnsafeBytes(of: system.release) { $0.starts(with: found.release.utf8) })
    }
}
