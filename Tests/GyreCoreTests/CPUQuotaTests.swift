import CGyre
import Testing

@testable import GyreCore

/// The quota readers on made-up control group trees.
@Suite struct CPUQuotaTests {
    static let mountV2 = "35 24 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
    static let mountV1 =
        "20 1 0:19 / /proc rw - proc proc rw\n"
        + "32 31 0:29 / /sys/fs/cgroup/memory rw shared:7 - cgroup cgroup rw,memory\n"
        + "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw shared:8 - cgroup cgroup rw,cpu,cpuacct\n"

    private func topology(_ files: [String: String]) throws -> CPUTopology {
        let tree = try FileTree(files)
        return CPUTopology(root: tree.root)
    }

    @Test func aHostWithoutControlGroupsHasNoQuota() throws {
        let found = try topology([:])
        #expect(found.quota == nil)
        #expect(!found.isQuotaMalformed)
        #expect(found.effectiveParallelism == found.allowedCPUs.count)
    }

    @Test func version2SetsALimit() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/system.slice/app.service\n",
            "/proc/self/mountinfo": Self.mountV2,
            "/sys/fs/cgroup/system.slice/app.service/cpu.max": "50000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.5)
        #expect(found.quota?.cgroupVersion == 2)
        #expect(found.quota?.group == "/system.slice/app.service")
        #expect(found.effectiveParallelism == 1)
        #expect(!found.isQuotaMalformed)
    }

    @Test func theTightestOfNestedGroupsWins() throws {
        var files = [
            "/proc/self/cgroup": "0::/a/b/c\n",
            "/proc/self/mountinfo": Self.mountV2,
            "/sys/fs/cgroup/a/b/c/cpu.max": "max 100000\n",
            "/sys/fs/cgroup/a/b/cpu.max": "300000 200000\n",
            "/sys/fs/cgroup/a/cpu.max": "400000 100000\n",
        ]
        #expect(try topology(files).quota?.cpus == 1.5)
        #expect(try topology(files).quota?.group == "/a/b")
        files["/sys/fs/cgroup/a/b/c/cpu.max"] = "140000 100000\n"
        #expect(try topology(files).quota?.group == "/a/b/c")
        files["/sys/fs/cgroup/a/cpu.max"] = "10000 100000\n"
        #expect(try topology(files).quota?.group == "/a")
        files["/sys/fs/cgroup/cpu.max"] = "1000\n"  // the top of a namespace; the period is 100 ms if left out
        #expect(try topology(files).quota?.cpus == 0.01)
        #expect(try topology(files).quota?.group == "/")
    }

    @Test func groupsWithoutFilesOnTheWayAreSkipped() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/gone/also-gone/x\n",
            "/proc/self/mountinfo": Self.mountV2,
            "/sys/fs/cgroup/gone/cpu.max": "200000 100000\n",
        ])
        #expect(found.quota?.cpus == 2)
        #expect(!found.isQuotaMalformed)
    }

    @Test func version1SetsALimit() throws {
        let found = try topology([
            "/proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n0::/\n",
            "/proc/self/mountinfo": Self.mountV1 + "35 24 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us": "250000\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us": "-1\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us": "100000\n",
        ])
        #expect(found.quota?.cpus == 2.5)
        #expect(found.quota?.cgroupVersion == 1)
        #expect(found.quota?.group == "/docker/abc")
        #expect(!found.isQuotaMalformed)
    }

    @Test func theTighterOfBothVersionsWins() throws {
        let found = try topology([
            "/proc/self/cgroup": "4:cpu,cpuacct:/x\n0::/y\n",
            "/proc/self/mountinfo": Self.mountV1 + Self.mountV2,
            "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_quota_us": "300000\n",
            "/sys/fs/cgroup/cpu,cpuacct/x/cpu.cfs_period_us": "100000\n",
            "/sys/fs/cgroup/y/cpu.max": "150000 100000\n",
        ])
        #expect(found.quota?.cpus == 1.5)
        #expect(found.quota?.cgroupVersion == 2)
    }

    /// A container often sees only its own part of the hierarchy, mounted as if it were all of it.
    @Test func aMountOfAPartShowsTheGroupBelowIt() throws {
        let found = try topology([
            "/proc/self/cgroup": "3:cpu:/docker/abc/inner\n",
            "/proc/self/mountinfo": "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n",
            "/sys/fs/cgroup/cpu/inner/cpu.cfs_quota_us": "70000\n",
            "/sys/fs/cgroup/cpu/inner/cpu.cfs_period_us": "100000\n",
        ])
        #expect(found.quota?.cpus == 0.7)
        #expect(found.quota?.group == "/inner")
    }

    @Test(arguments: ["0::/../../elsewhere\n", "0::/elsewhere/x\n", "0::/partly\n"])
    func aGroupThatTheMountDoesNotShowLeavesItsTop(membership: String) throws {
        let found = try topology([
            "/proc/self/cgroup": membership,
            "/proc/self/mountinfo": "33 31 0:30 /part /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
            "/sys/fs/cgroup/cpu.max": "60000 100000\n",
            "/sys/fs/cgroup/elsewhere/cpu.max": "1 100000\n",
            "/sys/fs/cgrouply/cpu.max": "1 100000\n",
        ])
        #expect(found.quota?.cpus == 0.6)
    }

    @Test func mountPointsWithBlanksAreUnescaped() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/my group\n",
            "/proc/self/mountinfo": "33 31 0:30 / /odd\\040place\\134 rw - cgroup2 cgroup rw\n",
            "/odd place\\/my group/cpu.max": "90000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.9)
    }

    /// A backslash that no three octal digits follow is itself.
    @Test(arguments: ["\\", "\\!40", "\\440", "\\0", "\\0!0", "\\080", "\\04", "\\04!", "\\048"])
    func whatIsNoEscapeIsTakenAsItIs(name: String) throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": "33 31 0:30 / /odd\(name)place rw - cgroup2 cgroup rw\n",
            "/odd\(name)place/cpu.max": "80000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.8)
        #expect(!found.isQuotaMalformed)
    }

    @Test func theFirstOfSeveralMountsIsTaken() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": Self.mountV2 + "36 24 0:30 / /second rw - cgroup2 cgroup2 rw\n",
            "/sys/fs/cgroup/cpu.max": "30000 100000\n",
            "/second/cpu.max": "10000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.3)
    }

    @Test func theTopOfTheTreeMayBeTheMount() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/a\n",
            "/proc/self/mountinfo": "33 31 0:30 / / rw - cgroup2 cgroup rw\n",
            "/a/cpu.max": "max\n",
            "/cpu.max": "20000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.2)
        #expect(!found.isQuotaMalformed)
    }

    @Test func theProcessMayBeInTheGroupThatIsMounted() throws {
        let found = try topology([
            "/proc/self/cgroup": "3:pid,cpu:/docker/abc\n",
            "/proc/self/mountinfo": "33 31 0:30 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,pid,cpu\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "70000\n",
            "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
        ])
        #expect(found.quota?.cpus == 0.7)
        #expect(found.quota?.group == "/")
    }

    @Test(arguments: [("\(tooLong)", "/"), ("/", "\(tooLong)")])
    func aMountLongerThanAPathIsReportedAndNotFollowed(part: String, point: String) throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": "33 31 0:30 \(part) \(point) rw - cgroup2 cgroup rw\n",
            "/cpu.max": "20000 100000\n",
        ])
        #expect(found.isQuotaMalformed)
        #expect(found.quota == nil)
    }
    private static let tooLong = String(repeating: "/long", count: 1_000)

    @Test func oneBadMembershipDoesNotHideTheOthers() throws {
        let found = try topology([
            "/proc/self/cgroup": "garbage\n0::/a\n",
            "/proc/self/mountinfo": Self.mountV2,
            "/sys/fs/cgroup/a/cpu.max": "40000 100000\n",
        ])
        #expect(found.isQuotaMalformed)
        #expect(found.quota?.cpus == 0.4)
    }

    @Test func aRootLongerThanAPathIsAHostWithoutFiles() {
        let found = CPUTopology(root: Self.tooLong)
        #expect(found.isQuotaMalformed, "nothing could be looked at")
        #expect(found.quota == nil)
        #expect(found.numaNodes == 1)
    }

    @Test(arguments: [
        "", "\n", "50000 0\n", "0 100000\n", "-5 100000\n", "fast\n", "50000 100000 1\n", "50000x 100000\n",
        "99999999999999999999999 100000\n", "maximal\n", "50000 \(String(repeating: "9", count: 99))\n", "\0\0\0",
    ])
    func aLimitThatMakesNoSenseIsLeftOutAndReported(content: String) throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/a/b\n",
            "/proc/self/mountinfo": Self.mountV2,
            "/sys/fs/cgroup/a/b/cpu.max": content,
            "/sys/fs/cgroup/a/cpu.max": "120000 100000\n",
        ])
        #expect(found.isQuotaMalformed)
        #expect(found.quota?.cpus == 1.2)
    }

    @Test(arguments: [
        ("-2\n", "100000\n"), ("50000\n", "0\n"), ("50000\n", ""), ("x\n", "100000\n"), ("50000x\n", "100000\n"),
        ("50000\n", "100000x\n"), ("50000\n", "x\n"),
    ])
    func theSameGoesForVersion1(quota: String, period: String) throws {
        let found = try topology([
            "/proc/self/cgroup": "4:cpu,cpuacct:/\n",
            "/proc/self/mountinfo": Self.mountV1,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": quota,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": period,
        ])
        #expect(found.isQuotaMalformed)
        #expect(found.quota == nil)
    }

    @Test func aQuotaWithoutAPeriodIsReported() throws {
        let found = try topology([
            "/proc/self/cgroup": "4:cpu,cpuacct:/\n",
            "/proc/self/mountinfo": Self.mountV1,
            "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "50000\n",
        ])
        #expect(found.isQuotaMalformed)
        #expect(found.quota == nil)
    }

    @Test(arguments: ["/proc/self/mountinfo", "/proc/self/cgroup"])
    func aTableThatCannotBeReadToItsEndIsReported(path: String) throws {
        let found = try topology([path + "/x": ""])
        #expect(found.isQuotaMalformed)
        #expect(found.quota == nil)
    }

    /// A folder where a file should be can be opened and not read.
    @Test func aLimitThatCannotBeReadSetsNone() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/a\n",
            "/proc/self/mountinfo": Self.mountV2,
            "/sys/fs/cgroup/a/cpu.max/x": "",
            "/sys/fs/cgroup/cpu.max": "30000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.3)
    }

    @Test(arguments: ["garbage\n", "1\n", "1:cpu\n", "0::relative\n", "\u{0}\u{1}\u{2}\n"])
    func aMembershipThatMakesNoSenseIsReported(content: String) throws {
        let found = try topology(["/proc/self/cgroup": content, "/proc/self/mountinfo": Self.mountV2])
        #expect(found.isQuotaMalformed)
        #expect(found.quota == nil)
    }

    @Test func mountLinesThatAreCutOffAreSkipped() throws {
        let found = try topology([
            "/proc/self/cgroup": "0::/\n",
            "/proc/self/mountinfo": "\n1\n1 2 3\n1 2 3 / /x\n1 2 3 / /x rw -\n1 2 3 / /x rw - cgroup\n" + Self.mountV2,
            "/sys/fs/cgroup/cpu.max": "30000 100000\n",
        ])
        #expect(found.quota?.cpus == 0.3)
    }

    @Test func aGroupDeeperThanAPathIsReportedAndNotFollowed() throws {
        let deep = String(repeating: "/deep", count: 2_000)
        let found = try topology([
            "/proc/self/cgroup": "0::\(deep)\n", "/proc/self/mountinfo": Self.mountV2,
        ])
        #expect(found.isQuotaMalformed)
        #expect(found.quota == nil)
    }

    @Test(
        arguments: [
            (8, 100_000, 100_000, 1), (8, 100_001, 100_000, 2), (8, 1, 100_000, 1), (8, 900_000, 100_000, 8),
            (0, 900_000, 100_000, 1), (3, UInt64.max, 1, 3), (3, UInt64.max, UInt64.max, 1),
            (3, 1, UInt64.max, 1),
        ] as [(UInt32, UInt64, UInt64, UInt32)])
    func parallelismIsTheSmallerOfMaskAndQuota(cpus: UInt32, quota: UInt64, period: UInt64, threads: UInt32) {
        var limit = gyre_cpu_quota()
        limit.is_limited = true
        limit.quota_us = quota
        limit.period_us = period
        #expect(gyre_cpu_parallelism(cpus, &limit) == threads)
    }
}
