/// Mistakes that were tried by hand: no configuration noticed them at first, or only one does.
extension NamedMutant {
    static let trials: [NamedMutant] = [
        NamedMutant(
            "include/gyre_ring.h", "slots are not made free",
            "        gyre_store_relaxed(&slots[index], gyre_ring_slot(2 * first_lap, 0, 0));\n",
            ""),
        NamedMutant(
            "include/gyre_ring.h", "a push tells its hint before it has exchanged",
            "            if (gyre_cas_release_acquire(slot, &seen, held)) {                         // R1\n"
                + "                gyre_store_release(&ring->tail, gyre_ring_after(ring, position, 0)); // H1\n",
            "            gyre_store_release(&ring->tail, gyre_ring_after(ring, position, 0));\n"
                + "            if (gyre_cas_release_acquire(slot, &seen, held)) {\n"),
        NamedMutant(
            "include/gyre_ring.h", "a pop tells its hint before it has exchanged",
            "            if (gyre_cas_release_acquire(slot, &seen, freed)) {                        "
                + "// R2; `seen` is acquired already\n"
                + "                gyre_store_release(&ring->head, gyre_ring_after(ring, position, 0)); // H1\n",
            "            gyre_store_release(&ring->head, gyre_ring_after(ring, position, 0));\n"
                + "            if (gyre_cas_release_acquire(slot, &seen, freed)) {\n"),
        NamedMutant(
            "include/gyre_ring.h", "a size goes by the hints as they are",
            "        if (lead <= 0) break;\n"
                + "        position",
            "        break;\n"
                + "        position"),
        NamedMutant(
            "include/gyre_depot.h", "chunks that were taken are still counted",
            "        (void)gyre_fetch_sub_relaxed(&depot->full_count, 1); // an estimate; orders nothing\n",
            ""),
        NamedMutant(
            "include/gyre_park.h", "the epoch is bumped before the bit is cleared",
            "        idle = gyre_fetch_and_release(&park->idle, ~bit); // E1\n"
                + "        if (idle & bit) {\n"
                + "            (void)gyre_fetch_add_release(&park->parkers[worker].epoch, 1); // E3\n",
            "        (void)gyre_fetch_add_release(&park->parkers[worker].epoch, 1);\n"
                + "        idle = gyre_fetch_and_release(&park->idle, ~bit);\n"
                + "        if (idle & bit) {\n"),
        NamedMutant(
            "include/gyre_park.h", "a sleeper looks at its bit before the epoch",
            "        uint32_t seen = gyre_load_acquire(epoch);                      // E4\n"
                + "        if (!(gyre_load_acquire(&park->idle) & bit)) return true;      // E2\n",
            "        if (!(gyre_load_acquire(&park->idle) & bit)) return true;\n"
                + "        uint32_t seen = gyre_load_acquire(epoch);\n"),
        NamedMutant(
            "include/gyre_park.h", "the token is taken by two",
            "    if (!gyre_cas_relaxed_relaxed(&park->searching, &free_token, 1)) return false;\n"
                + "    if (gyre_park_wake_sleeper(park)) return true;",
            "    if (gyre_load_relaxed(&park->searching) != 0) return false;\n"
                + "    gyre_store_relaxed(&park->searching, 1);\n"
                + "    (void)free_token;\n"
                + "    if (gyre_park_wake_sleeper(park)) return true;"),
        NamedMutant(
            "include/gyre_park.h", "the token is taken from the beginning",
            "    gyre_store_relaxed(&park->searching, 0);\n"
                + "    gyre_store_relaxed(&park->closed, 0);\n",
            "    gyre_store_relaxed(&park->closed, 0);\n"),
        NamedMutant(
            "gyre_dispatch.c", "close leaves the epochs",
            "        (void)gyre_fetch_add_release(&dispatch->parkers[worker].epoch, 1);     // E3\n",
            ""),
        NamedMutant(
            "gyre_dispatch.c", "those who take back are not told of the end",
            "    gyre_futex_wake(&dispatch->stopped, GYRE_FUTEX_WAKE_ALL);\n",
            ""),
        NamedMutant(
            "gyre_dispatch.c", "a retract takes whatever is oldest",
            "        if (oldest != handle) {\n",
            "        if (false) {\n"),
        NamedMutant(
            "gyre_seat.c", "the number of seats falls back",
            "            if (gyre_cas_relaxed_relaxed(&dispatch->seats_used, &used, index + 1)) break;\n",
            "            gyre_store_relaxed(&dispatch->seats_used, index + 1);\n"
                + "            break;\n"),
        NamedMutant(
            "gyre_dispatch.c", "quiet counts what is queued first",
            "    uint64_t finished = 0;\n"
                + "    for (uint32_t index = 0; index < dispatch->worker_count; index++) {\n"
                + "        finished += "
                + "gyre_load_acquire(gyre_counter_word(dispatch->seats[index].counts, 0, GYRE_COUNT_FINISHED)); // F2\n"
                + "    }\n"
                + "    return finished == gyre_dispatch_sum(dispatch, GYRE_COUNT_QUEUED);\n",
            "    uint64_t queued = gyre_dispatch_sum(dispatch, GYRE_COUNT_QUEUED);\n"
                + "    uint64_t finished = 0;\n"
                + "    for (uint32_t index = 0; index < dispatch->worker_count; index++) {\n"
                + "        finished += "
                + "gyre_load_acquire(gyre_counter_word(dispatch->seats[index].counts, 0, GYRE_COUNT_FINISHED)); // F2\n"
                + "    }\n"
                + "    return finished == queued;\n"),
        NamedMutant(
            "gyre_dispatch.c", "a chunk of work goes back before it is read",
            "    for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) handles[i] = "
                + "gyre_plain_read(dispatch->chunks[id].handle[i]);\n"
                + "    gyre_depot_push(&dispatch->depot, &dispatch->depot.empty, id);\n",
            "    gyre_depot_push(&dispatch->depot, &dispatch->depot.empty, id);\n"
                + "    for (uint32_t i = 0; i < GYRE_CHUNK_HANDLES; i++) handles[i] = "
                + "gyre_plain_read(dispatch->chunks[id].handle[i]);\n"
        ),
        NamedMutant(
            "gyre_dispatch.c", "a waker that found nobody does not look again",
            "    } while (gyre_park_wants_wake(&dispatch->park) && gyre_dispatch_has_item(dispatch));",
            "    } while (false);"),
        NamedMutant(
            "include/gyre_dispatch.h", "a record is counted after it is queued",
            "    gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, 1);\n"
                + "    while (gyre_unlikely(!gyre_runq_push(&seat->runq, handle))) "
                + "gyre_dispatch_relieve(dispatch, seat);\n",
            "    while (gyre_unlikely(!gyre_runq_push(&seat->runq, handle))) gyre_dispatch_relieve(dispatch, seat);\n"
                + "    gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, 1);\n"),
        NamedMutant(
            "include/gyre_dispatch.h", "a refused record stays counted",
            "            gyre_dispatch_count(dispatch, seat, GYRE_COUNT_QUEUED, UINT64_MAX); // one "
                + "less, modulo 2^64\n",
            ""),
        NamedMutant(
            "include/gyre_dispatch.h", "threads without a seat count by a store",
            "    else (void)gyre_fetch_add_relaxed(&dispatch->outside[which], amount);",
            "    else gyre_counter_add(&dispatch->outside[which], amount);"),
        NamedMutant(
            "include/gyre_dispatch.h", "closed is looked at before the fence",
            "    gyre_fence_seq_cst(); // W1\n"
                + "    if (gyre_unlikely(gyre_park_has_sleeper(&dispatch->park)))"
                + " gyre_dispatch_tell_sleeper(dispatch, seat);\n"
                + "    return gyre_likely(gyre_load_relaxed(&dispatch->park.closed) == 0); // ordered by the fence\n",
            "    bool open = gyre_load_relaxed(&dispatch->park.closed) == 0;\n"
                + "    gyre_fence_seq_cst(); // W1\n"
                + "    if (gyre_unlikely(gyre_park_has_sleeper(&dispatch->park)))"
                + " gyre_dispatch_tell_sleeper(dispatch, seat);\n"
                + "    return open;\n"),
        NamedMutant(
            "include/gyre_event.h", "a notifier looks for waiters before its fence",
            "    gyre_fence_seq_cst();                                                 // V2\n"
                + "    if (gyre_likely(gyre_load_relaxed(&event->waiters) == 0)) return;     // ordered by the fence\n",
            "    uint32_t waiters = gyre_load_relaxed(&event->waiters);\n"
                + "    gyre_fence_seq_cst();\n"
                + "    if (gyre_likely(waiters == 0)) return;\n"),
        NamedMutant(
            "include/gyre_waiters.h", "a waiter is read after it was called",
            "        oldest = gyre_plain_read(waiter->next);\n"
                + "        waiter->settled(waiter);\n",
            "        waiter->settled(waiter);\n"
                + "        oldest = gyre_plain_read(waiter->next);\n"),
        NamedMutant(
            "gyre_timer.c", "a record goes back before it is read",
            "    gyre_timer_fired fired = {\n",
            "    gyre_timer_record_give(wheel, index);\n"
                + "    gyre_timer_fired fired = {\n"),
        NamedMutant(
            "gyre_timer.c", "a late insert does not lower the next due time",
            "    if (gyre_timer_lower(wheel, gyre_timer_earliest(wheel))) turn->wake = true;\n",
            ""),
        NamedMutant(
            "gyre_timer.c", "a request replaces a later one",
            "seen > request ? seen : request",
            "request"),
        NamedMutant(
            "include/gyre_timer.h", "the next due time is stored and not exchanged",
            "        if (gyre_cas_relaxed_relaxed(&wheel->next_due, &seen, due)) return true;\n",
            "        gyre_store_relaxed(&wheel->next_due, due);\n"
                + "        return true;\n"),
        NamedMutant(
            "include/gyre_state.h", "a settle takes any generation",
            "        if (gyre_state_generation_of(seen) != generation) return GYRE_MOVE_STALE;\n"
                + "        uint32_t name = gyre_state_name_of(seen);\n"
                + "        if (name >= GYRE_STATE_SETTLING) return GYRE_MOVE_LOST; // I2\n",
            "        uint32_t name = gyre_state_name_of(seen);\n"
                + "        if (name >= GYRE_STATE_SETTLING) return GYRE_MOVE_LOST; // I2\n"),
        NamedMutant(
            "include/gyre_state.h", "a settle takes what is being settled",
            "        if (name >= GYRE_STATE_SETTLING) return GYRE_MOVE_LOST; // I2\n"
                + "        if (!gyre_state_may_move(name, terminal))",
            "        if (name > GYRE_STATE_SETTLING) return GYRE_MOVE_LOST;\n"
                + "        if (!gyre_state_may_move(name, terminal))"),
        NamedMutant(
            "include/gyre_record.h", "a start does not ask whether it was cancelled",
            "    return gyre_cas_relaxed_relaxed(&record->state, &seen, (seen & ~0xffull) | GYRE_RECORD_RUNNING);",
            "    gyre_store_relaxed(&record->state, (seen & ~0xffull) | GYRE_RECORD_RUNNING);\n"
                + "    return true;"),
        NamedMutant(
            "include/gyre_histogram.h", "an extreme is tried once",
            "    while (nanoseconds < seen && !gyre_cas_relaxed_relaxed(&histogram->minimum, &seen, nanoseconds)) {}",
            "    if (nanoseconds < seen) (void)gyre_cas_relaxed_relaxed(&histogram->minimum, &seen, nanoseconds);"),
        NamedMutant(
            "include/gyre_countdown.h", "a parent is added by a store",
            "    uint32_t before = gyre_fetch_add_relaxed(&countdown->pending, parents); // C1 is "
                + "carried on; publishes nothing\n",
            "    uint32_t before = gyre_load_relaxed(&countdown->pending);\n"
                + "    gyre_store_relaxed(&countdown->pending, before + parents);\n"),
        NamedMutant(
            "include/gyre_order.h", "a follower overwrites the mark",
            "    uint64_t nobody = 0;\n"
                + "    return gyre_cas_release_acquire(&before->successor, &nobody, "
                + "(uint64_t)(uintptr_t)link); // N3; N2 on failure",
            "    if (gyre_load_acquire(&before->successor) != 0) return false;\n"
                + "    gyre_store_release(&before->successor, (uint64_t)(uintptr_t)link);\n"
                + "    return true;"),
        NamedMutant(
            "gyre_timer.c", "a slot forgets what is due before its first",
            "        if (due < gyre_plain_read(wheel->earliest[slot])) "
                + "gyre_plain_write(wheel->earliest[slot], due);\n",
            ""),
        NamedMutant(
            "gyre_timer.c", "a timer is put into the slot of the present",
            "    if ((tick >> shift) - (present >> shift) == GYRE_TIMER_SLOTS) {\n"
                + "        level += 1;\n"
                + "        shift += GYRE_TIMER_DIGIT_BITS;\n"
                + "    }\n",
            ""),
        NamedMutant(
            "gyre_timer.c", "slots that begin together fire one after the other",
            "} while (gyre_timer_first_slot(wheel, &slot, &also) && also == begins);",
            "} while (false);\n"
                + "        (void)also;"),
        NamedMutant(
            "gyre_timer.c", "inserts are numbered as if one had come",
            "gyre_plain_read(wheel->sequence) + (uint32_t)(inserts >> 32);",
            "gyre_plain_read(wheel->sequence) + 1;"),
        NamedMutant(
            "gyre_timer.c", "a turn lowers what is due next, and tells nobody",
            "    if (next > before) gyre_store",
            "    (void)before;\n"
                + "    gyre_store"),
        NamedMutant(
            "gyre_timer.c", "who turns does not say that it lowered",
            "if (gyre_timer_lower(wheel, gyre_timer_earliest(wheel))) turn->wake = true;",
            "(void)gyre_timer_lower(wheel, gyre_timer_earliest(wheel));"),
        NamedMutant(
            "gyre_timer.c", "a slot stays occupied when its last timer is cancelled",
            "        gyre_plain_write(wheel->occupied[slot / GYRE_TIMER_SLOTS], occupied & ~(1ull << "
                + "slot % GYRE_TIMER_SLOTS));\n"
                + "    }\n"
                + "}",
            "        (void)occupied;\n"
                + "    }\n"
                + "}"),
        NamedMutant(
            "gyre_timer.c", "a request wraps at the end of time",
            "    if (now > GYRE_TIMER_NEVER - 3) now = GYRE_TIMER_NEVER; // the end of time, so that a "
                + "request has room for 0 and 1\n",
            ""),
        NamedMutant(
            "include/gyre_timer.h", "a token is written after its timer is pushed",
            "    gyre_plain_write(*token, generation << GYRE_TIMER_INDEX_BITS | index); // N1\n"
                + "    gyre_store_release(&record->state, generation << 8 | GYRE_TIMER_ARMED); // T1\n"
                + "\n"
                + "    uint64_t seen = gyre_load_relaxed(&wheel->inserts); // only compared; the exchange orders\n"
                + "    uint64_t pushed;\n"
                + "    do {\n"
                + "        gyre_store_relaxed(&record->link, (uint32_t)seen); // published by the exchange\n"
                + "        pushed = ((seen >> 32) + 1) << 32 | index;\n"
                + "    } while (!gyre_cas_acq_rel_relaxed(&wheel->inserts, &seen, pushed)); // N1, N4\n"
                + "    bool deep = (pushed >> 32) % GYRE_TIMER_INBOX_DEEP == 0;\n",
            "    gyre_store_release(&record->state, generation << 8 | GYRE_TIMER_ARMED); // T1\n"
                + "\n"
                + "    uint64_t seen = gyre_load_relaxed(&wheel->inserts); // only compared; the exchange orders\n"
                + "    uint64_t pushed;\n"
                + "    do {\n"
                + "        gyre_store_relaxed(&record->link, (uint32_t)seen); // published by the exchange\n"
                + "        pushed = ((seen >> 32) + 1) << 32 | index;\n"
                + "    } while (!gyre_cas_acq_rel_relaxed(&wheel->inserts, &seen, pushed)); // N1, N4\n"
                + "    bool deep = (pushed >> 32) % GYRE_TIMER_INBOX_DEEP == 0;\n"
                + "    gyre_plain_write(*token, generation << GYRE_TIMER_INDEX_BITS | index); // N1\n"),
        NamedMutant(
            "include/gyre_lane.h", "what is left is counted after the push",
            "    gyre_store_relaxed(&lane->left[chunk], count); // published with the batch, by R1\n"
                + "    uint32_t handle = gyre_lane_handle(chunk, count);\n"
                + "    gyre_ring_result result = gyre_ring_swap_in(lane->ring, &handle);\n",
            "    uint32_t handle = gyre_lane_handle(chunk, count);\n"
                + "    gyre_ring_result result = gyre_ring_swap_in(lane->ring, &handle);\n"
                + "    gyre_store_relaxed(&lane->left[chunk], count);\n"),
        NamedMutant(
            "include/gyre_mpsc.h", "a seal that met a push says drained",
            "if (gyre_cas_release_relaxed(slot, &seen, seen | GYRE_RING_SEAL)) return GYRE_RING_DRAINED; // F1",
            "(void)gyre_cas_release_relaxed(slot, &seen, seen | GYRE_RING_SEAL);\n"
                + "        return GYRE_RING_DRAINED;"),
        NamedMutant(
            "include/gyre_spsc.h", "close forgets the tail",
            "gyre_store_release(&ring->tail, tail | GYRE_SPSC_SEAL); // P1",
            "gyre_store_release(&ring->tail, GYRE_SPSC_SEAL);"),
        NamedMutant(
            "include/gyre_spsc.h", "room looks only when it knows of none",
            "    if (free < max) {",
            "    if (free == 0) {"),
        NamedMutant(
            "include/gyre_spsc.h", "stock looks only when it knows of none",
            "    if (there < max) {",
            "    if (there == 0) {"),
        NamedMutant(
            "include/gyre_gate.h", "a look at closed takes the first stripe",
            "gate->stripes[GYRE_GATE_STRIPES - 1].word) & GYRE_GATE_CLOSED",
            "gate->stripes[0].word) & GYRE_GATE_CLOSED"),
        NamedMutant(
            "include/gyre_gate.h", "the last stripe is closed first",
            "    for (uint32_t i = 0; i < GYRE_GATE_STRIPES; i++) {\n"
                + "        uint32_t before",
            "    for (uint32_t i = GYRE_GATE_STRIPES; i-- > 0;) {\n"
                + "        uint32_t before"),
        NamedMutant(
            "include/gyre_event.h", "the epoch is stored and not exchanged",
            "    (void)gyre_fetch_add_relaxed(&event->epoch, 1);                       // V3",
            "    gyre_store_relaxed(&event->epoch, gyre_load_relaxed(&event->epoch) + 1);"),
    ]
}
