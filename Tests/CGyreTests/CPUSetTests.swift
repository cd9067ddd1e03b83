import CGyre
import Testing

/// The sets of CPUs by themselves. ThreadPlacementTests has the threads.
@Suite struct CPUSetTests {
    @Test(arguments: [0, 1, 63, 64, 1_000] as [UInt32]) func whatIsBehindTheEndIsNotInTheSet(cpus: UInt32) throws {
        let set: UnsafeMutablePointer<gyre_cpu_set> = try #require(gyre_cpu_set_create(cpus))
        defer { gyre_cpu_set_destroy(set) }
        let end = (cpus / 64 + 1) * 64
        var found: UInt32 = 7
        for cpu in [end, end + 1, .max] {
            #expect(!gyre_cpu_set_add(set, cpu))
            #expect(!gyre_cpu_set_has(set, cpu))
            #expect(!gyre_cpu_set_next(set, cpu, &found))
        }
        #expect(found == 7)
        #expect(gyre_cpu_set_count(set) == 0)
        #expect(gyre_cpu_set_add(set, end - 1))
        #expect(gyre_cpu_set_next(set, 0, &found))
        #expect(found == end - 1)
    }
}
