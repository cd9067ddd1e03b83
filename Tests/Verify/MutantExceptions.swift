/// Mutants that the checker need not kill, each with its reason.
extension MutantException {
    static let all: [MutantException] = [
        MutantException(
            path: "include/gyre_park.h", text: "idle = gyre_fetch_and_release(&park->idle, ~bit); // E1",
            change: weakerAnd, reason: ownLook),
        MutantException(
            path: "include/gyre_park.h", text: "return (gyre_fetch_and_acquire(&park->idle, ~bit) & bit)",
            change: "gyre_fetch_and_acquire becomes gyre_fetch_and_relaxed", reason: ownLook),
        MutantException(
            path: "include/gyre_park.h", text: "if (!(gyre_load_acquire(&park->idle) & bit)) return true",
            change: weakerLoad, reason: ownLook),
        MutantException(
            path: "gyre_dispatch.c", text: "gyre_store_release(&dispatch->stopped, 1); // R1",
            change: "gyre_store_release becomes gyre_store_relaxed", reason: afterTheEnd),
        MutantException(
            path: "gyre_dispatch.c", text: "while (gyre_load_acquire(&dispatch->stopped) == 0) { // R2",
            change: weakerLoad, reason: afterTheEnd),
        MutantException(
            path: "gyre_timer.c", text: "// A3", change: "gyre_cas_release_relaxed becomes gyre_cas_relaxed_relaxed",
            reason: request),
        MutantException(
            path: "gyre_timer.c", text: "// A4", change: "gyre_exchange_acquire becomes gyre_exchange_relaxed",
            reason: request),
    ]

    private static let weakerLoad = "gyre_load_acquire becomes gyre_load_relaxed"
    private static let weakerAnd = "gyre_fetch_and_release becomes gyre_fetch_and_relaxed"
    private static let ownLook =
        "E1 -> E2 lets a woken worker find its item at the first look; without, the look after its next fence finds it."
    private static let afterTheEnd =
        "The exchange on the queue's head decides; the edge is for whoever frees the pool after a retract."
    private static let request =
        "Inserts are emptied by an exchange, which misses none; the edge carries what else the caller did before."
}
