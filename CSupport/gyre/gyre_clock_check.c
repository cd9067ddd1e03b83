// gyre_clock_check.c: gyre_clock_check of gyre_clock.h. All of it runs in one thread at a time, which holds `checking`
// (I5).

#include "gyre_clock.h"

#include "gyre_clock_parts.h"

#define GYRE_CLOCK_WIDTH_MAX_NS UINT64_C(20000) // a sample wider than this was interrupted and says nothing
#define GYRE_CLOCK_TRUST_EVERY_NS UINT64_C(10000000000)

static void gyre_clock_publish(gyre_clock *clock, gyre_clock_block block) {
    uint32_t next = gyre_load_relaxed(&clock->current) + 1; // only the holder of `checking` writes it
    GYRE_ASSERT(next < GYRE_CLOCK_BLOCKS);
    gyre_plain_write(clock->blocks[next].base_ticks, block.base_ticks);
    gyre_plain_write(clock->blocks[next].base_ns, block.base_ns);
    gyre_plain_write(clock->blocks[next].multiplier, block.multiplier);
    gyre_plain_write(clock->blocks[next].source, block.source);
    gyre_store_release(&clock->current, next); // C1
}

static uint64_t gyre_clock_time_at(const gyre_clock *clock, uint64_t ticks) {
    return gyre_clock_time_of(clock, ticks, gyre_load_relaxed(&clock->current));
}

/// Continues on CLOCK_MONOTONIC, from wherever time had got to (I3).
static gyre_clock_check_result gyre_clock_fall_back(gyre_clock *clock, const gyre_clock_sample *now) {
    uint64_t line = gyre_clock_time_at(clock, now->ticks);
    gyre_clock_sample checked = gyre_plain_read(clock->checked);
    uint64_t before = gyre_clock_time_at(clock, checked.ticks); // later than `line` if the counter went back
    uint64_t truth = clock->start_ns + (now->reference - clock->created.reference);
    uint64_t base = line > before ? line : before;
    if (truth > base) base = truth;
    // The sample is not exact: `width_ns` may have been shown on the old line already.
    gyre_clock_publish(clock, (gyre_clock_block){now->reference, base + now->width_ns,
                                                 UINT64_C(1) << GYRE_CLOCK_SHIFT, GYRE_CLOCK_MONOTONIC});
    uint32_t index = gyre_load_relaxed(&clock->current);
    gyre_store_relaxed(&clock->step_ns, gyre_clock_measure_step(clock, index)); // a statistic
    gyre_store_relaxed(&clock->drift_ppb, 0);                                   // a statistic
    return GYRE_CLOCK_CHECK_FELL_BACK;
}

/// Whether the counter moved between the last check and `now` as CLOCK_MONOTONIC did. 0.1 % is twice what the kernel
/// slews CLOCK_MONOTONIC by at most, and fifty times the error of the first calibration.
static bool gyre_clock_agrees(const gyre_clock *clock, const gyre_clock_sample *now) {
    gyre_clock_sample before = gyre_plain_read(clock->checked);
    uint64_t counted = gyre_clock_time_at(clock, now->ticks) - gyre_clock_time_at(clock, before.ticks);
    uint64_t passed = now->reference - before.reference;
    uint64_t tolerance = passed / 1000 + now->width_ns + before.width_ns + 2000;
    int64_t apart = (int64_t)(counted - passed); // a counter that went back has counted less than nothing
    return (uint64_t)(apart < 0 ? -apart : apart) <= tolerance;
}

static void gyre_clock_record_drift(gyre_clock *clock, const gyre_clock_sample *now) {
    uint64_t base = clock->blocks[gyre_load_relaxed(&clock->current)].base_ticks;
    if ((int64_t)(now->ticks - base) < 0) return; // the rate has not begun
    gyre_clock_sample since = gyre_plain_read(clock->settled);
    if ((int64_t)(since.ticks - base) < 0) {
        since = *now;
        gyre_plain_write(clock->settled, since);
    }
    uint64_t passed = now->reference - since.reference;
    if (passed < clock->hooks.first_refine_ns) return; // shorter than that it is mostly error
    uint64_t counted = gyre_clock_time_at(clock, now->ticks) - gyre_clock_time_at(clock, since.ticks);
    __int128_t difference = (__int128_t)counted - (__int128_t)passed;
    int64_t ppb = (int64_t)(difference * 1000000000 / (__int128_t)passed);
    gyre_store_relaxed(&clock->drift_ppb, (uint64_t)ppb); // a statistic
}

/// Publishes the rate since the last one, if it is known better than the present one. True when it did.
static bool gyre_clock_refine(gyre_clock *clock, const gyre_clock_sample *now) {
    uint32_t index = gyre_load_relaxed(&clock->current); // only the holder of `checking` writes it
    gyre_clock_sample refined = gyre_plain_read(clock->refined);
    uint64_t span = now->reference - refined.reference;
    if (span < clock->next_refine_ns || index + 2 >= GYRE_CLOCK_BLOCKS) return false;
    uint64_t error = now->width_ns + refined.width_ns;
    uint64_t rate = gyre_clock_rate(now->ticks - refined.ticks, span);
    // error / span against the present rate's
    if (rate == 0 || (__uint128_t)error * clock->rate_span_ns > (__uint128_t)clock->rate_error_ns * span) return false;
    uint64_t present = clock->blocks[index].multiplier;
    uint64_t lead = (uint64_t)(((__uint128_t)clock->hooks.lead_ns << GYRE_CLOCK_SHIFT) / present);
    uint64_t base = gyre_clock_counter_in_order(clock) + lead;
    gyre_clock_block block = {base, gyre_clock_time_of(clock, base, index), rate, clock->source};
    // I2: if this thread was held so long that half of the lead is gone, another check will do it.
    if ((int64_t)(base - gyre_clock_counter_in_order(clock)) < (int64_t)(lead / 2)) return false;
    gyre_clock_publish(clock, block);
    gyre_plain_write(clock->refined, *now);
    clock->rate_error_ns = error;
    clock->rate_span_ns = span;
    clock->next_refine_ns = clock->next_refine_ns > UINT64_MAX / 4 ? UINT64_MAX : clock->next_refine_ns * 4;
    return true;
}

static gyre_clock_check_result gyre_clock_check_alone(gyre_clock *clock) {
    uint32_t index = gyre_load_relaxed(&clock->current); // only the holder of `checking` writes it
    if (gyre_clock_block_source(clock, index) == GYRE_CLOCK_MONOTONIC) return GYRE_CLOCK_CHECK_NOT_NEEDED;
    gyre_clock_sample now = gyre_clock_take_sample(clock, clock->blocks[index].multiplier);
    if (now.width_ns > GYRE_CLOCK_WIDTH_MAX_NS) return GYRE_CLOCK_CHECK_COMPARED; // interrupted each time: no news
    if (!gyre_clock_agrees(clock, &now)) return gyre_clock_fall_back(clock, &now);
    if (now.reference - clock->trust_asked >= GYRE_CLOCK_TRUST_EVERY_NS) {
        clock->trust_asked = now.reference;
        if (!gyre_clock_is_trusted(clock)) return gyre_clock_fall_back(clock, &now);
    }
    gyre_clock_record_drift(clock, &now);
    gyre_plain_write(clock->checked, now);
    return gyre_clock_refine(clock, &now) ? GYRE_CLOCK_CHECK_REFINED : GYRE_CLOCK_CHECK_COMPARED;
}

gyre_clock_check_result gyre_clock_check(gyre_clock *clock) {
    if (clock->source == GYRE_CLOCK_MONOTONIC || clock->source == GYRE_CLOCK_MANUAL) return GYRE_CLOCK_CHECK_NOT_NEEDED;
    uint32_t nobody = 0;
    if (!gyre_cas_acquire_relaxed(&clock->checking, &nobody, 1)) return GYRE_CLOCK_CHECK_BUSY; // K2
    gyre_clock_check_result result = gyre_clock_check_alone(clock);
    gyre_store_release(&clock->checking, 0); // K1
    return result;
}
