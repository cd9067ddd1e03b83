import Glibc
import Gyre
import GyreBench

/// Elements through a ring, popped by threads of its own.
final class RingLoad: BenchLoad {
    /// Elements that fit, as in the cells of `make bench`.
    static let capacity = 1_024

    private let ring: Ring<LoadStamp>
    private let consumers: [PosixThread]

    /// - Parameters:
    ///   - pinning: `hard` ties each consumer to one core; the other kinds leave them to the kernel.
    /// - Throws: ``CommandFailure`` when a consumer cannot be started or placed.
    init(consumers count: Int, pinning: Pinning, meter: LoadMeter) throws {
        let ring = try Ring<LoadStamp>(capacity: Self.capacity)
        self.ring = ring
        let cpus = pinning == .hard ? try CPUMask(ofThread: 0).cpus : []
        let start = Start()
        var consumers: [PosixThread] = []
        do {
            for index in 0..<count {
                let cpu = cpus.isEmpty ? nil : cpus[index % cpus.count]
                let consumer = try PosixThread(name: "gyre-pop-\(index)") {
                    start.place(onCPU: cpu)
                    Self.consume(ring, meter)
                }
                consumers.append(consumer)
            }
            try start.wait(for: count)
        } catch {
            ring.close()
            for consumer in consumers { consumer.join() }
            let code = (error as? PosixThread.StartError)?.code ?? (error as? PlacementError)?.code ?? 0
            throw CommandFailure(code: .usage, text: "a consumer cannot be started: \(systemErrorText(code))")
        }
        self.consumers = consumers
    }

    /// Where consumers say that they are in their place.
    private final class Start: Sendable {
        private let state = Lock((placed: 0, failure: PlacementError?.none))

        func place(onCPU cpu: Int?) {
            var failure: PlacementError?
            do throws(PlacementError) {
                if let cpu { try CurrentThread.pin(toCPU: cpu) }
            } catch {
                failure = error
            }
            state.withLock { state in
                state.placed += 1
                state.failure = state.failure ?? failure
            }
        }

        func wait(for count: Int) throws(PlacementError) {
            while state.withLock({ $0.placed }) < count { sched_yield() }
            if let failure = state.withLock({ $0.failure }) { throw failure }
        }
    }

    func offer(_ stamp: LoadStamp, whenFull: WhenFull) -> LoadRun.Offer {
        while true {
            switch ring.tryPush(stamp) {
            case .pushed: return .accepted
            case .closed: return .refused
            case .full:
                guard case .wait = whenFull else { return .refused }
                sched_yield()
            }
        }
    }

    func end() {
        ring.close()
        for consumer in consumers { consumer.join() }
    }

    /// Pops until the ring is drained. On an empty ring it offers its core to others after 64 looks: consumers are
    /// not to hold up producers where there are fewer cores than threads.
    private static func consume(_ ring: Ring<LoadStamp>, _ meter: LoadMeter) {
        var looks = 0
        while true {
            switch ring.tryPop() {
            case .popped(let stamp):
                meter.complete(stamp)
                looks = 0
            case .drained: return
            case .empty:
                looks += 1
                if looks % 64 == 0 { sched_yield() }
            }
        }
    }
}
