// A program that links jemalloc by naming the target. It prints who serves malloc, and what jemalloc counts before and
// after an allocation that it would have to see.
import GyreCore
import GyreJemalloc

let report = AllocatorReport.current()
print("kind=\(report.kind.rawValue)")
print("path=\(report.path ?? "")")
print("isLive=\(Jemalloc.isLive)")
print("unusedPagesKept=\(Jemalloc.unusedPagesKept.map { "\($0)" } ?? "for ever")")
print("version=\(Jemalloc.version ?? "")")
let before = Jemalloc.statistics()
let block = UnsafeMutableRawPointer.allocate(byteCount: 64 << 20, alignment: 4_096)
block.initializeMemory(as: UInt8.self, repeating: 1, count: 64 << 20)
let after = Jemalloc.statistics()
if let before, let after {
    print("allocatedGrowth=\(after.allocatedBytes - before.allocatedBytes)")
    print("activeGrowth=\(after.activeBytes - before.activeBytes)")
    print("residentGrowth=\(after.residentBytes - before.residentBytes)")
    print("isOrdered=\(after.activeBytes >= after.allocatedBytes && after.residentBytes >= after.activeBytes)")
}
block.deallocate()
