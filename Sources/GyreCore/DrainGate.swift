internal import CGyre

/// Who is inside, until nobody may enter any more (gyre_gate.h).
///
/// `@unchecked Sendable`: the stripes are atomics of CGyre.
package final class DrainGate: @unchecked Sendable {
    private let gate: OpaquePointer

    package init() {
        guard let gate = gyre_gate_create() else { fatalError("no memory for a gate of 1 KB") }
        self.gate = gate
    }

    deinit { gyre_gate_destroy(gate) }

    /// Enters, and returns the stripe to leave by; `nil` once the gate is closed.
    package func enter() -> UInt32? {
        let stripe = gyre_stripe_hint()
        return gyre_gate_enter(gate, stripe) ? stripe : nil
    }

    package func leave(_ stripe: UInt32) { gyre_gate_leave(gate, stripe) }

    /// From now on nobody enters. False when it was closed before.
    @discardableResult
    package func close() -> Bool { gyre_gate_close(gate) }

    package var isClosed: Bool { gyre_gate_is_closed(gate) }

    /// Waits until everybody has left a closed gate. False when the deadline came first.
    package func wait(until deadline: MonotonicInstant?, clock: MonotonicClock) -> Bool {
        gyre_gate_wait(gate, SystemDeadline.nanoseconds(deadline, clock))
    }

    /// How many are inside.
    package var inside: UInt64 { gyre_gate_inside(gate) }
}
