/// A line of CGyre with outcomes that no test of the suite brings about, and why.
///
/// Lines are named by their text, so that the table does not move with every edit above them; a line that is changed
/// is looked at again.
struct CoverageException: Equatable, CustomStringConvertible {
    struct Place: Hashable {
        /// Below `CSupport/gyre/`.
        let file: String
        /// Without blanks around it and without the comment at its end. Where a file has the line several times, all of
        /// them are meant.
        let line: String
    }

    let place: Place
    /// How many outcomes of conditions in that line are missed; with `isSometimes`, at most.
    let outcomes: Int
    let reason: String
    /// Whether the outcomes may happen all the same, by chance or on another machine.
    let isSometimes: Bool

    var file: String { place.file }
    var line: String { place.line }
    var description: String { "\(file): '\(line)' (\(reason))" }

    init(_ file: String, _ line: String, _ outcomes: Int, _ reason: String, isSometimes: Bool = false) {
        place = Place(file: file, line: line)
        self.outcomes = outcomes
        self.reason = reason
        self.isSometimes = isSometimes
    }

    static let table = memory + system + machine + races + guards

    // MARK: - Memory

    /// The instrument `faults` makes each allocation fail in turn, in programs of its own.
    private static let memory: [CoverageException] = [
        memory("gyre_clock.c", "if (!clock) return NULL;", 3),
        memory("gyre_counter.c", "if (!lines) return NULL;"),
        memory("gyre_counter.c", "if (!counter) return NULL;"),
        memory("gyre_cpu.c", "if (set) set->words = words;"),
        memory("gyre_cpu.c", "if (!set) return NULL;"),
        memory("gyre_cpu_quota.c", "if (!found) {"),
        memory("gyre_dispatch.c", "if (memory != NULL) memset(memory, 0, bytes);"),
        memory(
            "gyre_seat.c",
            "for (gyre_dispatch **link = &gyre_registry_first; *link != NULL; link = &(*link)->next_live) {"),
        memory("gyre_seat.c", "if (entry == NULL) {"),
        memory(
            "gyre_dispatch.c",
            "if (dispatch->work == NULL || dispatch->guests == NULL || dispatch->overflow == NULL) return false;", 3),
        memory("gyre_dispatch.c", "if (dispatch->injectors[lane] == NULL) return false;"),
        memory("gyre_dispatch.c", "if (dispatch == NULL) return NULL;"),
        memory("gyre_dispatch.c", "dispatch->records = records == MAP_FAILED ? NULL : records;"),
        memory(
            "gyre_dispatch.c",
            "bool complete = dispatch->records != NULL && dispatch->seats != NULL && dispatch->parkers != NULL &&", 3),
        memory("gyre_dispatch.c", "dispatch->chunks != NULL;"),
        memory("gyre_dispatch.c", "if (!complete || !gyre_dispatch_make_queues(dispatch, chunk_count)) {", 2),
        memory(
            "gyre_dispatch.c",
            "if (dispatch->records != NULL) munmap(dispatch->records, gyre_dispatch_record_bytes(dispatch));"),
        memory("gyre_dispatch.c", "if (dispatch->seats != NULL) {"),
        memory("gyre_gate.c", "if (gate != NULL) gyre_gate_init(gate);"),
        memory("gyre_histogram.c", "if (histogram) gyre_histogram_init(histogram);"),
        memory("gyre_histogram.c", "if (!times) return NULL;"),
        memory("gyre_overflow.c", "if (overflow == NULL) return NULL;"),
        memory("gyre_overflow.c", "if (node == NULL) __builtin_trap();"),
        memory("gyre_ring.c", "if (ring == NULL) return NULL;"),
        memory("gyre_lane.c", "if (lane == NULL || left == NULL || elements == NULL) {", 2),
        memory("gyre_spsc.c", "if (ring != NULL) gyre_spsc_init(ring, capacity, 0);"),
        memory("gyre_table.c", "if (table == NULL) return NULL;"),
        memory("gyre_table.c", "if (table->nodes == NULL) {"),
        memory("gyre_table.c", "if (node == NULL) return NULL;"),
        memory("gyre_timer.c", "if (memory == MAP_FAILED) return NULL;"),
    ]

    private static func memory(_ file: String, _ line: String, _ outcomes: Int = 1) -> CoverageException {
        CoverageException(file, line, outcomes, "allocation failure: faults instrument")
    }

    // MARK: - The system

    /// Calls that fail on no Linux that runs the suite, and cannot be made to.
    private static let system: [CoverageException] = [
        CoverageException(
            "gyre_allocator.c", "if (!address || dladdr(address, &found) == 0 || !found.dli_fname) return false;", 3,
            "a program without dynamic linking"),
        CoverageException(
            "gyre_counter.c", "stripes = configured > 0 ? (uint32_t)configured : 1;", 1, "sysconf knows the CPUs"),
        CoverageException(
            "gyre_cpu.c", "for (uint32_t cpus = 1024 - 1; cpus < GYRE_CPU_MAX; cpus = cpus * 2 + 1) {", 1,
            "a kernel whose masks are larger than any"),
        CoverageException("gyre_cpu.c", "if (found < 0) return false;", 1, "a kernel without getcpu"),
        CoverageException(
            "gyre_cpu_host.c", "return count > 0 ? (uint32_t)count : 1;", 1, "sysconf knows the CPUs"),
        CoverageException(
            "gyre_cpu_host.c",
            "if (uname(&system) == 0) snprintf(features->release, sizeof features->release, "
                + "\"%.64s\", system.release);",
            1, "uname fails for a bad address only"),
        CoverageException(
            "gyre_seat.c",
            "if (pthread_key_create(&gyre_seat_key, gyre_seat_thread_ends) != 0) __builtin_trap();",
            1, "the process would end"),
        CoverageException(
            "gyre_futex.c",
            "if (woken < 0) __builtin_trap();", 1,
            "the process would end"),
        CoverageException("gyre_futex.c", "if (errno == EINTR) return GYRE_FUTEX_LOOK;", 1, "the process would end"),
        CoverageException(
            "gyre_thread.c",
            "gyre_thread_has_key ? gyre_thread_claim(&gyre_thread_taken, GYRE_THREAD_NUMBERS) : GYRE_THREAD_NONE;", 1,
            "a process that has no key left before its first ring"),
        CoverageException(
            "gyre_thread.c", "if (pthread_setspecific(gyre_thread_key, &gyre_thread_mark) != 0) {", 1,
            "the C library wants memory for keys beyond its first 32 only"),
        CoverageException(
            "gyre_clock.c",
            "return gyre_clock_is_injected(clock) ? clock->hooks.trusted(clock->hooks.context)", 1,
            "the kernel is asked every ten seconds, and no test runs a clock for so long", isSometimes: true),
    ]

    // MARK: - The machine

    /// What another processor, kernel or container would do.
    private static let machine: [CoverageException] = [
        machine("gyre_clock.c", "return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8)) != 0;", 2),
        machine("gyre_clock.c", "return step ? step : 1;", 1),
        machine(
            "gyre_clock.c",
            "if (is_counter && (source != gyre_clock_native_source() || "
                + "!gyre_clock_kernel_trusts_counter())) {", 1),
        machine("gyre_clock.c", "if (is_counter && !gyre_clock_calibrate(clock)) {", 2),
        machine("gyre_clock.c", "if (is_counter_wanted) {", 3),
        machine("gyre_clock.c", "case GYRE_CLOCK_TSC: return \"tsc\";", 1),
        machine("gyre_clock.c", "case GYRE_CLOCK_CNTVCT: return \"cntvct\";", 1),
        machine("gyre_cpu.c", "if (reason != EINVAL) return NULL;", 1),
        machine(
            "gyre_cpu_host.c",
            "features->has_membarrier = commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) != 0;", 2),
        machine("gyre_cpu_host.c", "features->timer_slack_ns = slack > 0 ? (uint64_t)slack : 0;", 1),
    ]

    private static func machine(_ file: String, _ line: String, _ outcomes: Int) -> CoverageException {
        CoverageException(file, line, outcomes, "another machine", isSometimes: true)
    }

    // MARK: - Races

    /// What only two threads in the same few nanoseconds bring about. The model checker runs these lines in every
    /// interleaving.
    private static let races: [CoverageException] = [
        race("gyre_dispatch.c", "if (handle == GYRE_HANDLE_NONE) handle = gyre_dispatch_from_work(dispatch, seat);"),
        race("gyre_overflow.c", "if (link == NULL || link == CDS_WFCQ_WOULDBLOCK) return false;"),
        race(
            "gyre_clock_check.c",
            "if (!gyre_cas_acquire_relaxed(&clock->checking, &nobody, 1)) return GYRE_CLOCK_CHECK_BUSY;"),
        race(
            "gyre_clock.c",
            "} while (!gyre_cas_acq_rel_relaxed(&clock->manual_ns, &now, next));"
        ),
        race("gyre_seat.c", "if (pthread_mutex_trylock(&gyre_registry_lock) != 0) return;"),
        race("gyre_dispatch.c", "if (gyre_park_wake_one(&dispatch->park, &look_again) || !look_again) return;"),
        race(
            "gyre_dispatch.c", "} while (gyre_park_wants_wake(&dispatch->park) && gyre_dispatch_has_item(dispatch));", 4
        ),
        race("include/gyre_histogram.h", "} while (!gyre_cas_relaxed_relaxed(&histogram->sum, &sum, next));"),
        race("include/gyre_cached.h", "return due <= now && gyre_cas_relaxed_relaxed(&cached->due, &due, next);"),
        race(
            "include/gyre_histogram.h",
            "while (nanoseconds > seen && !gyre_cas_relaxed_relaxed(&histogram->maximum, &seen, nanoseconds)) {}"),
        race(
            "include/gyre_histogram.h",
            "while (nanoseconds < seen && !gyre_cas_relaxed_relaxed(&histogram->minimum, &seen, nanoseconds)) {}"),
        race(
            "include/gyre_gate.h", "if (before == (GYRE_GATE_CLOSED | 1)) gyre_futex_wake(word, GYRE_FUTEX_WAKE_ALL);"),
        race("gyre_dispatch.c", "if (!gyre_overflow_pop(dispatch->overflow, &item)) {"),
        race("gyre_dispatch.c", "if (!gyre_runq_take_many(&seat->runq, handles, GYRE_CHUNK_HANDLES)) return;"),
        race("gyre_dispatch.c", "if (oldest != handle) {"),
        race(
            "include/gyre_dispatch.h",
            "return gyre_dispatch_retract(dispatch, seat, handle) ? GYRE_RING_CLOSED : GYRE_RING_OK;"),
        race(
            "gyre_dispatch.c",
            "*holds_token = gyre_park_withdraw(&dispatch->park, worker) || "
                + "gyre_park_start_search(&dispatch->park);", 4),
        race("gyre_overflow.c", "if (!gyre_cas_acquire_relaxed(&overflow->popping, &free_token, 1)) return false;"),
        race("gyre_dispatch.c", "return gyre_dispatch_may_leave(dispatch) ? GYRE_IDLE_LEAVE : GYRE_IDLE_FOUND;"),
        race("include/gyre_dispatch.h", "if (gyre_ring_try_pop(high, &handle) == GYRE_RING_OK) return handle;"),
        race("include/gyre_lane.h", "if (lead > 0) {"),
        race(
            "include/gyre_lane.h",
            "if (!gyre_cas_relaxed_acquire(slot, &seen, seen + ((uint64_t)max << 5))) continue;"),
        race("include/gyre_lane.h", "if (!gyre_cas_release_acquire(slot, &seen, freed)) continue;"),
        race("include/gyre_park.h", "if (idle & bit) {"),
        race("include/gyre_ring.h", "for (uint32_t step = 0; step <= ring->capacity; step++) {"),
        race("include/gyre_spares.h", "if (seen == 0) continue;"),
        race(
            "include/gyre_spares.h",
            "if (seen == 0 && gyre_cas_release_relaxed(at, &seen, place + 1)) return;"),
        race("include/gyre_timer.h", "} while (!gyre_cas_acq_rel_relaxed(&wheel->inserts, &seen, pushed));"),
        race("include/gyre_timer.h", "} while (!gyre_cas_release_relaxed(&wheel->cancels, &seen, pushed));"),
        race(
            "include/gyre_waiters.h",
            "} while (!gyre_cas_release_acquire(&waiters->newest, &newest, (uint64_t)(uintptr_t)waiter));"
        ),
    ]

    private static func race(_ file: String, _ line: String, _ outcomes: Int = 1) -> CoverageException {
        CoverageException(file, line, outcomes, "a race of nanoseconds", isSometimes: true)
    }

    // MARK: - Guards

    /// Checks of what other lines have made certain. They stay, because whoever changes those lines may not know.
    private static let guards: [CoverageException] = [
        CoverageException(
            "gyre_table.c", "return gyre_cached_is_open(&node->cached) && node->match(node->object, key);", 1,
            "a node is put when it is open: the look acquires what was written before"),
        CoverageException(
            "gyre_clock.c", "switch (gyre_clock_present_source(clock)) {", 1, "all sources have a case"),
        CoverageException("gyre_clock.c", "case GYRE_CLOCK_AUTO: break;", 1, "no clock is of an automatic source"),
        CoverageException(
            "gyre_clock_check.c",
            "if (rate == 0 || (__uint128_t)error * clock->rate_span_ns > "
                + "(__uint128_t)clock->rate_error_ns * span) return false;",
            1, "a counter that agrees with the reference has a rate"),
        CoverageException(
            "gyre_cpu_quota.c", "if (prefix >= sizeof hierarchy->mount) return false;", 1,
            "below such a root no mount table could be opened"),
        CoverageException(
            "gyre_cpu_quota.c", "if (top > 0 && hierarchy->mount[top - 1] == '/') top -= 1;", 1,
            "tests have a root before the mount"),
        CoverageException(
            "gyre_cpu_quota.c", "while (length > top && directory[length - 1] != '/') length -= 1;", 1,
            "a group begins with a slash"),
        CoverageException(
            "gyre_cpu_quota.c", "if (length > top) length -= 1;", 1, "a group begins with a slash"),
        CoverageException(
            "include/gyre_dispatch.h", "if (handle >= dispatch->record_count) {", 1,
            "a thread without a seat has records of guests only, and the next line asserts it"),
        CoverageException(
            "include/gyre_dispatch.h",
            "return gyre_seat_last.id == dispatch->id && gyre_seat_last.seat != NULL &&", 1,
            "a thread that remembers a pool has a seat there"),
        CoverageException(
            "include/gyre_atomic.h", "#define GYRE_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())", 1,
            "an assertion that fails ends the process"),
        CoverageException(
            "gyre_timer.c", "while (a != 0 || b != 0) {", 1, "one of two lists that are merged is not empty"),
    ]
}
