/// Mistakes that people make, each in one place.
extension NamedMutant {
    static let all: [NamedMutant] =
        ring + slabAndLane + ends + depotAndQueue + ownerQueue + waiting + pool + words + timer + clock + overflow
        + cached + table + trials

    private static let ring: [NamedMutant] = [
        NamedMutant(
            "include/gyre_ring.h", "push skips a lap",
            "uint64_t held = gyre_ring_slot(gyre_ring_tag(seen) + 1, 0, *handle);",
            "uint64_t held = gyre_ring_slot(gyre_ring_tag(seen) + 3, 0, *handle);"),
        NamedMutant(
            "include/gyre_ring.h", "pop leaves the tag of the same lap",
            "uint64_t freed = gyre_ring_slot(gyre_ring_tag(seen) + 1, seen & GYRE_RING_SEAL, *handle);",
            "uint64_t freed = gyre_ring_slot(gyre_ring_tag(seen) - 1, seen & GYRE_RING_SEAL, *handle);"),
        NamedMutant(
            "include/gyre_ring.h", "pop drops the seal",
            "uint64_t freed = gyre_ring_slot(gyre_ring_tag(seen) + 1, seen & GYRE_RING_SEAL, *handle);",
            "uint64_t freed = gyre_ring_slot(gyre_ring_tag(seen) + 1, 0, *handle);"),
        NamedMutant(
            "include/gyre_ring.h", "full before closed",
            "            if (seen & GYRE_RING_SEAL) return GYRE_RING_CLOSED; // I2: only the tail can be sealed\n",
            ""),
        NamedMutant(
            "include/gyre_ring.h", "closed and empty look alike",
            "if (lead < 0) return (seen & GYRE_RING_SEAL) ? GYRE_RING_DRAINED : GYRE_RING_EMPTY;",
            "if (lead < 0) return GYRE_RING_EMPTY;"),
        NamedMutant(
            "include/gyre_ring.h", "positions do not wrap", "        lap += 1;\n", ""),
        NamedMutant(
            "include/gyre_ring.h", "close forgets the handle",
            "if (gyre_cas_release_acquire(slot, &seen, seen | GYRE_RING_SEAL)) return true;",
            "if (gyre_cas_release_acquire(slot, &seen, (seen | GYRE_RING_SEAL) & ~0x7fffffffull)) return true;"),
        NamedMutant(
            "include/gyre_ring.h", "a look takes a free slot for a handle",
            "if (lead <= 0) return lead == 0;", "if (lead <= 0) return true;"),
        NamedMutant(
            "include/gyre_ring.h", "a push over keeps the tag of the lap before",
            "uint64_t held = gyre_ring_slot(2 * gyre_ring_lap(position) + 1, 0, *handle);",
            "uint64_t held = gyre_ring_slot(gyre_ring_tag(seen), 0, *handle);"),
        NamedMutant(
            "include/gyre_ring.h", "a push over a full ring keeps the oldest to itself",
            "            if (lead == 0) return GYRE_RING_OK;\n", "            return GYRE_RING_OK;\n"),
        NamedMutant(
            "include/gyre_ring.h", "the head is a lap ahead after a push over",
            "gyre_ring_after(ring, position - (1ull << 32), 0)", "gyre_ring_after(ring, position, 0)"),
        NamedMutant(
            "include/gyre_ring.h", "a sealed slot is pushed over",
            "            if (seen & GYRE_RING_SEAL) return GYRE_RING_CLOSED; // I2\n", ""),
        NamedMutant(
            "include/gyre_slab.h", "a push over keeps its place",
            "    if (gyre_likely(result == GYRE_RING_OK)) gyre_spares_give(&slab->spares, number, *place);\n", ""),
    ]

    private static let slabAndLane: [NamedMutant] = [
        NamedMutant(
            "include/gyre_slab.h", "a push keeps its place",
            "    if (gyre_likely(result == GYRE_RING_OK)) gyre_spares_give(&slab->spares, number, place);\n", ""),
        NamedMutant(
            "include/gyre_slab.h", "an empty pop keeps its place",
            "    if (result != GYRE_RING_OK) gyre_spares_give(&slab->spares, number, *place);\n", ""),
        NamedMutant(
            "include/gyre_slab.h", "spares that are in slots as well",
            "gyre_spares_init(&slab->spares, ring->capacity);", "gyre_spares_init(&slab->spares, ring->capacity - 1);"),
        NamedMutant(
            "include/gyre_spares.h", "a place is taken by a look",
            "uint32_t seen = gyre_exchange_acquire(at, 0); // S2",
            "uint32_t seen = gyre_load_acquire(at);\n        gyre_store_relaxed(at, 0);"),
        NamedMutant(
            "include/gyre_spares.h", "who has no number uses that of another",
            "    if (gyre_likely(number < GYRE_SPARES_OWN)) {\n        uint32_t own",
            "    number %= GYRE_SPARES_OWN;\n    {\n        uint32_t own"),
        NamedMutant(
            "include/gyre_thread.h", "a number is claimed by a look",
            "if (gyre_cas_acquire_relaxed(taken, &seen, seen | 1ull << number)) return number; // N2",
            "gyre_store_relaxed(taken, seen | 1ull << number);\n        return number;"),
        NamedMutant(
            "include/gyre_thread.h", "all numbers are given back", "~(1ull << number)", "0"),
        NamedMutant(
            "include/gyre_lane.h", "a part is taken for a whole",
            "batch->is_whole = offset == 0 && there <= max;", "batch->is_whole = there <= max;"),
        NamedMutant(
            "include/gyre_lane.h", "a slot is freed with a part in it", "if (there > max) {", "if (false) {"),
        NamedMutant(
            "include/gyre_lane.h", "a part is one too many",
            "seen + ((uint64_t)max << 5)", "seen + ((uint64_t)(max - 1) << 5)"),
        NamedMutant(
            "include/gyre_lane.h", "a chunk stays spare while it is in a slot",
            "            if (offset != 0) gyre_spares_lose(&lane->spares, number); // I3: `spare` went into the slot\n",
            ""),
        NamedMutant(
            "include/gyre_lane.h", "the last reader forgets the chunk",
            "        gyre_spares_gain(&lane->spares, number, chunk);\n", "        return;\n"),
        NamedMutant(
            "include/gyre_lane.h", "what is left is not counted anew",
            "    gyre_store_relaxed(&lane->left[chunk], count); // published with the batch, by R1\n", ""),
        NamedMutant(
            "include/gyre_lane.h", "a pop drops the seal of a lane",
            "gyre_ring_slot(gyre_ring_tag(seen) + 1, seen & GYRE_RING_SEAL, gyre_lane_handle(spare, 1));",
            "gyre_ring_slot(gyre_ring_tag(seen) + 1, 0, gyre_lane_handle(spare, 1));"),
    ]

    private static let ends: [NamedMutant] = [
        NamedMutant(
            "include/gyre_spsc.h", "room for one more than there is",
            "        if (free == 0) return GYRE_RING_FULL;\n", "        free += 1;\n"),
        NamedMutant(
            "include/gyre_spsc.h", "a run goes on past the end",
            "    *index = gyre_plain_read(ring->push_index);\n    *count = free < max ? (uint32_t)free : max;\n"
                + "    if (*count > before_wrap) *count = before_wrap;\n",
            "    (void)before_wrap;\n    *index = gyre_plain_read(ring->push_index);\n"
                + "    *count = free < max ? (uint32_t)free : max;\n"),
        NamedMutant(
            "include/gyre_spsc.h", "the index does not wrap",
            "gyre_plain_write(ring->pop_index, index == ring->capacity ? 0 : index);",
            "gyre_plain_write(ring->pop_index, index);"),
        NamedMutant(
            "include/gyre_spsc.h", "closed before the last is out",
            "if (there == 0) return (tail & GYRE_SPSC_SEAL)",
            "if (there == 0 || (tail & GYRE_SPSC_SEAL)) return (tail & GYRE_SPSC_SEAL)"),
        NamedMutant(
            "include/gyre_spsc.h", "the producer does not look at its seal",
            "    if (tail & GYRE_SPSC_SEAL) return GYRE_RING_CLOSED;\n", ""),
        NamedMutant(
            "include/gyre_mpsc.h", "the consumer leaves what it read in the slot",
            "{ gyre_plain_write(mpsc->spare, place); }", "{ (void)mpsc, (void)place; }"),
        NamedMutant(
            "include/gyre_mpsc.h", "drained without a seal",
            "if (gyre_cas_release_relaxed(slot, &seen, seen | GYRE_RING_SEAL)) return GYRE_RING_DRAINED; // F1",
            "return GYRE_RING_DRAINED;"),
        NamedMutant(
            "include/gyre_mpsc.h", "the seal is stored",
            "if (gyre_cas_release_relaxed(slot, &seen, seen | GYRE_RING_SEAL)) return GYRE_RING_DRAINED; // F1",
            "gyre_store_release(slot, seen | GYRE_RING_SEAL);\n        return GYRE_RING_DRAINED;"),
        NamedMutant(
            "include/gyre_mpsc.h", "producers do not look at the flag",
            "    if (gyre_load_acquire(&mpsc->closing) != 0) return GYRE_RING_CLOSED; // F2\n", ""),
        NamedMutant(
            "include/gyre_mpsc.h", "the head stays",
            "gyre_store_relaxed(&ring->head, gyre_ring_after(ring, position, 0)); // I1; others only estimate by it",
            ""),
    ]

    private static let depotAndQueue: [NamedMutant] = [
        NamedMutant(
            "include/gyre_depot.h", "a chunk is pushed under the name of another",
            "uint64_t pushed = ((top >> 32) + 1) << 32 | (id + 1);", "uint64_t pushed = ((top >> 32) + 1) << 32 | id;"),
        NamedMutant(
            "include/gyre_depot.h", "the contents are read after the chunk went back",
            "        gyre_depot_push(depot, &depot->empty, id);\n        return true;",
            "        gyre_depot_push(depot, &depot->empty, id);\n"
                + "        (void)gyre_plain_read(depot->chunks[id].handle[0]);\n        return true;"
        ),
        NamedMutant(
            "include/gyre_depot.h", "fresh handles are carved one too far",
            "if (gyre_cas_relaxed_relaxed(&depot->carved, &first, first + count)) {",
            "if (gyre_cas_relaxed_relaxed(&depot->carved, &first, first + count - 1)) {"),
        NamedMutant(
            "include/gyre_runq.h", "a thief takes one that is not there",
            "uint32_t count = (uint32_t)(held - held / 2);", "uint32_t count = (uint32_t)(held - held / 2) + 1;"),
        NamedMutant(
            "include/gyre_runq.h", "a queue is full one too late",
            "if (gyre_unlikely(tail - head >= GYRE_RUNQ_SLOTS)) return false;",
            "if (gyre_unlikely(tail - head > GYRE_RUNQ_SLOTS)) return false;"),
        NamedMutant(
            "include/gyre_runq.h", "the tail is stored before the slot",
            """
                gyre_store_relaxed(&queue->slot[tail & (GYRE_RUNQ_SLOTS - 1)], handle); // published by Q1
                gyre_store_release(&queue->tail, tail + 1);                             // Q1
            """,
            """
                gyre_store_release(&queue->tail, tail + 1);
                gyre_store_relaxed(&queue->slot[tail & (GYRE_RUNQ_SLOTS - 1)], handle);
            """),
    ]

    private static let ownerQueue: [NamedMutant] = [
        NamedMutant(
            "include/gyre_runq.h", "a thief looks at the tail before the head",
            """
                uint64_t head = gyre_load_acquire(&queue->head); // Q6: or the tail could seem to be before it
                for (;;) {
                    uint64_t tail = gyre_load_acquire(&queue->tail); // Q2
            """,
            """
                uint64_t tail = gyre_load_acquire(&queue->tail);
                uint64_t head = gyre_load_acquire(&queue->head);
                for (;;) {
            """),
        NamedMutant(
            "include/gyre_runq.h", "a thief reads what it has taken already",
            "        if (gyre_cas_release_acquire(&queue->head, &head, head + count)) return count; // Q3, Q5; Q6\n",
            "        uint64_t first = head;\n"
                + "        if (!gyre_cas_release_acquire(&queue->head, &head, head + count)) continue;\n"
                + "        for (uint32_t i = 0; i < count; i++) {\n"
                + "            handles[i] = gyre_load_relaxed(&queue->slot[(first + i) & (GYRE_RUNQ_SLOTS - 1)]);\n"
                + "        }\n        return count;\n"),
        NamedMutant(
            "include/gyre_runq.h", "many are taken of fewer", "while (tail - head >= count) {",
            "while (tail - head >= count - 1) {"),
    ]

    private static let waiting: [NamedMutant] = [
        NamedMutant(
            "include/gyre_event.h", "a notify does not move the epoch",
            "    (void)gyre_fetch_add_relaxed(&event->epoch, 1);                       // V3\n", ""),
        NamedMutant(
            "include/gyre_event.h", "the key is read after the fence",
            """
                uint32_t key = gyre_load_relaxed(&event->epoch);   // V3
                gyre_fence_seq_cst();                              // V1
            """,
            """
                gyre_fence_seq_cst();
                uint32_t key = gyre_load_relaxed(&event->epoch);
            """),
        NamedMutant(
            "include/gyre_event.h", "whoever is woken stays a waiter",
            "    if (woken > 0) (void)gyre_fetch_sub_relaxed(&event->waiters, woken); // I1\n", ""),
        NamedMutant(
            "include/gyre_event.h", "whoever is woken is taken off twice",
            "if (result == GYRE_FUTEX_WOKEN) return true;", "if (result == GYRE_FUTEX_WOKEN) break;"),
        NamedMutant(
            "include/gyre_event.h", "one is woken for all",
            "gyre_event_notify(event, GYRE_FUTEX_WAKE_ALL);", "gyre_event_notify(event, 1);"),
        NamedMutant(
            "include/gyre_gate.h", "a refused enter wakes nobody",
            "    if (before == (GYRE_GATE_CLOSED | 1)) gyre_futex_wake(word, GYRE_FUTEX_WAKE_ALL); // G3\n"
                + "    return false;",
            "    return false;"),
        NamedMutant(
            "include/gyre_gate.h", "one of those who wait is woken",
            "if (gyre_unlikely(before == (GYRE_GATE_CLOSED | 1))) gyre_futex_wake(word, GYRE_FUTEX_WAKE_ALL); // G3",
            "if (gyre_unlikely(before == (GYRE_GATE_CLOSED | 1))) gyre_futex_wake(word, 1);"),
        NamedMutant(
            "include/gyre_gate.h", "an enter does not look again",
            "if (gyre_likely(!(before & GYRE_GATE_CLOSED))) return true;", "if (true) return true;"),
        NamedMutant(
            "include/gyre_waiters.h", "a waiter is added to what is settled",
            "        if (newest == GYRE_WAITERS_SETTLED) return false;\n", ""),
        NamedMutant(
            "include/gyre_order.h", "who leaves forgets its follower",
            "return (gyre_order_link *)(uintptr_t)gyre_exchange_acq_rel(&link->successor, GYRE_ORDER_DONE); // N1, N4",
            "(void)gyre_exchange_acq_rel(&link->successor, GYRE_ORDER_DONE);\n    return NULL;"),
    ]

    private static let pool: [NamedMutant] = [
        NamedMutant(
            "gyre_dispatch.c", "no second look before sleep",
            "    if (gyre_dispatch_has_item(dispatch)) {\n        // A submit",
            "    if (false) {\n        // A submit"),
        NamedMutant(
            "gyre_dispatch.c", "the token is not taken again", " || gyre_park_start_search(&dispatch->park);", ";"),
        NamedMutant(
            "gyre_dispatch.c", "no look after the pool was found closed",
            "return gyre_dispatch_may_leave(dispatch) ? GYRE_IDLE_LEAVE : GYRE_IDLE_FOUND;", "return GYRE_IDLE_LEAVE;"),
        NamedMutant(
            "gyre_dispatch.c", "the wake is not passed on", "    gyre_dispatch_wake_slow(dispatch);\n    return true;",
            "    return true;"),
        NamedMutant(
            "gyre_dispatch.c", "nobody is woken beside who searches",
            "else if (seat != NULL && gyre_dispatch_wakes_beside(seat))", "else if (false)"),
        NamedMutant(
            "gyre_dispatch.c", "close wakes nobody",
            "        gyre_futex_wake(&dispatch->parkers[worker].epoch, 1);\n", ""),
        NamedMutant(
            "include/gyre_dispatch.h", "a submit does not ask whether the pool closed",
            "return gyre_likely(gyre_load_relaxed(&dispatch->park.closed) == 0); // ordered by the fence",
            "return true;"),
        NamedMutant(
            "gyre_dispatch.c", "retract does not wait for the workers",
            "while (gyre_load_acquire(&dispatch->stopped) == 0) { // R2", "while (false) {"),
        NamedMutant(
            "gyre_dispatch.c", "a pool is freed while a thread without a seat is inside",
            "    gyre_dispatch_await_exit(&dispatch->inside);\n", ""),
        NamedMutant(
            "include/gyre_dispatch.h", "a thread with a seat does not go inside",
            "gyre_store_relaxed(&seat->inside, 1);", "(void)seat;"),
        NamedMutant(
            "include/gyre_park.h", "the epoch stays when a worker is woken",
            "            (void)gyre_fetch_add_release(&park->parkers[worker].epoch, 1); // E3\n", ""),
        NamedMutant(
            "include/gyre_park.h", "the token is kept when nobody sleeps",
            """
                gyre_store_relaxed(&park->searching, 0);
                gyre_fence_seq_cst(); // P2: who saw
            """,
            """
                gyre_fence_seq_cst(); // P2: who saw
            """),
        NamedMutant(
            "gyre_dispatch.c", "work is not looked at",
            "    if (gyre_ring_has_item(dispatch->work)) return true;\n", ""),
    ]

    private static let words: [NamedMutant] = [
        NamedMutant(
            "include/gyre_countdown.h", "the last but one starts the child", "if (before != 1) return false;",
            "if (before != 2) return false;"),
        NamedMutant(
            "include/gyre_state.h", "a claim takes what is being settled",
            "if (gyre_state_name_of(seen) >= GYRE_STATE_SETTLING) return GYRE_MOVE_LOST; // I2",
            "if (gyre_state_name_of(seen) > GYRE_STATE_SETTLING) return GYRE_MOVE_LOST;"),
        NamedMutant(
            "include/gyre_record.h", "a record keeps its generation",
            "gyre_store_relaxed(&record->state, (generation + 1) << 8 | GYRE_RECORD_FREE);",
            "gyre_store_relaxed(&record->state, generation << 8 | GYRE_RECORD_FREE);"),
        NamedMutant(
            "include/gyre_flag.h", "the last reason stays",
            "    (void)gyre_cas_relaxed_relaxed(flag, &down, reason);",
            "    (void)down;\n    gyre_store_relaxed(flag, reason);"),
        NamedMutant(
            "include/gyre_word.h", "a state is stored over another",
            "    return gyre_cas_acq_rel_relaxed(word, found, next); // W1, W2; who failed tries again or does nothing",
            "    (void)found;\n    gyre_store_release(word, next);\n    return true;"),
    ]

    private static let timer: [NamedMutant] = [
        NamedMutant(
            "gyre_timer.c", "no second look at inserts",
            "    uint64_t late = gyre_exchange_acq_rel(&wheel->inserts, 0); // N2, N3\n",
            "    uint64_t late = 0;\n"),
        NamedMutant(
            "gyre_timer.c", "who was turned away is forgotten",
            "        uint64_t until = asked == GYRE_TIMER_NEVER ? asked : asked - 2;\n"
                + "        if (until > now) now = until;\n",
            "        (void)asked;\n        return turn;\n"),
        NamedMutant(
            "include/gyre_timer.h", "an insert does not lower the next due time",
            "*wake = gyre_timer_lower(wheel, due) || deep;", "*wake = deep;"),
        NamedMutant(
            "gyre_timer.c", "a cancelled record goes back twice",
            "            gyre_plain_write(record->place, GYRE_TIMER_PLACE_EARLY); // I3\n",
            "            gyre_timer_record_give(wheel, index);\n"),
    ]

    private static let clock: [NamedMutant] = [
        NamedMutant(
            "gyre_clock_check.c", "a block is published before it is written",
            """
                gyre_plain_write(clock->blocks[next].source, block.source);
                gyre_store_release(&clock->current, next); // C1
            """,
            """
                gyre_store_release(&clock->current, next);
                gyre_plain_write(clock->blocks[next].source, block.source);
            """),
        NamedMutant(
            "gyre_clock.c", "a reading before the base is taken for its first", "if (since < 0 && !is_first) {",
            "if (false) {"),
        NamedMutant(
            "include/gyre_clock.h", "a new rate is used before its base",
            "if (gyre_unlikely((int64_t)since < 0) || ", "if ("),
        NamedMutant(
            "gyre_clock_check.c", "the second to check is not sent away", "return GYRE_CLOCK_CHECK_BUSY; // K2",
            "(void)nobody;"),
        NamedMutant(
            "gyre_clock_check.c", "nobody can check again", "    gyre_store_release(&clock->checking, 0); // K1\n", ""),
        NamedMutant(
            "gyre_clock_check.c", "a check ends before its state is written",
            """
                gyre_clock_check_result result = gyre_clock_check_alone(clock);
                gyre_store_release(&clock->checking, 0); // K1
            """,
            """
                gyre_store_release(&clock->checking, 0);
                gyre_clock_check_result result = gyre_clock_check_alone(clock);
            """),
    ]

    private static let overflow: [NamedMutant] = [
        NamedMutant(
            "gyre_overflow.c", "everybody pops", "&free_token, 1)) return false; // O4", "&free_token, 1)) {}"),
        NamedMutant(
            "gyre_overflow.c", "the token goes with what is popped",
            """
                gyre_store_release(&overflow->popping, 0); // O3
                if (link == NULL || link == CDS_WFCQ_WOULDBLOCK) return false;
            """,
            """
                if (link == NULL || link == CDS_WFCQ_WOULDBLOCK) return false;
                gyre_store_release(&overflow->popping, 0);
            """),
        NamedMutant(
            "gyre_overflow.c", "the token is given up before the queue is left",
            """
                struct cds_wfcq_node *link = __cds_wfcq_dequeue_nonblocking(&overflow->head, &overflow->tail);
                gyre_store_release(&overflow->popping, 0); // O3
            """,
            """
                gyre_store_release(&overflow->popping, 0);
                struct cds_wfcq_node *link = __cds_wfcq_dequeue_nonblocking(&overflow->head, &overflow->tail);
            """),
        NamedMutant(
            "gyre_overflow.c", "a node goes back before it is read",
            """
                *item = gyre_plain_read(node->item);
                free(node);
            """,
            """
                free(node);
                *item = gyre_plain_read(node->item);
            """),
        NamedMutant(
            "gyre_overflow.c", "an item is written after it is queued",
            "    gyre_plain_write(node->item, *item);\n    gyre_store_release(&node->written, 1); // O1\n",
            "    gyre_store_release(&node->written, 1);\n    gyre_plain_write(node->item, *item);\n"),
        NamedMutant(
            "gyre_overflow.c", "the most there were is stored and not exchanged",
            "        if (gyre_cas_relaxed_relaxed(&overflow->count_max, &most, count)) break;\n",
            "        gyre_store_relaxed(&overflow->count_max, count);\n        break;\n"),
    ]
}
