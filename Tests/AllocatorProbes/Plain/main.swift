// A program that does not link jemalloc. It prints who serves malloc.
import GyreCore

let report = AllocatorReport.current()
print("kind=\(report.kind.rawValue)")
print("path=\(report.path ?? "")")
