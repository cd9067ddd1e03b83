import CGateHooks
import Glibc
import Gyre

/// One workload, so many times: `gatehost post 1000`. Others count what it costs; it prints what it allocated.
///
/// Nothing here depends on time: there is one worker, it sleeps at once when it has nothing to do, and it is kept busy
/// until everything is queued, so that the same instructions run each time. What starting and ending cost is the same
/// for every count, and falls out of the difference of two.
///
/// The main function is no async one: its thread would end, and Valgrind does not survive an exit after that.
@main
struct GateHost {
    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let workload = Workload(rawValue: arguments[1]), let count = Int(arguments[2]),
            (0...Workload.countMax).contains(count)
        else { end(2, "a workload and a count are needed") }
        do {
            let ended = try workload.run(count)
            guard ended == count else { end(1, "\(count) were wanted, \(ended) were done") }
            print(gate_allocations())
        } catch {
            end(1, "\(error)")
        }
    }

    private static func end(_ status: Int32, _ text: String) -> Never {
        let line = Array("gatehost: \(text)\n".utf8)
        write(STDERR_FILENO, line, line.count)
        exit(status)
    }
}
