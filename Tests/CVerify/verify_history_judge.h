// verify_history_judge.h: what a judge keeps of a window.

#ifndef VERIFY_HISTORY_JUDGE_H
#define VERIFY_HISTORY_JUDGE_H

#include "verify_history.h"

#include <stddef.h>

/// The three instants of a value that decide; 0 for what did not happen.
typedef struct verify_life {
    uint64_t push_end;
    uint64_t pop_begin;
    uint64_t pop_end;
} verify_life;

/// From `time` until the next step `inside` values are in.
typedef struct verify_step {
    uint64_t time;
    int64_t inside;
} verify_step;

typedef struct verify_sum {
    verify_step *steps;
    size_t count;
} verify_sum;

struct verify_judge {
    uint32_t pushes;
    verify_life *lives;  // by producer and sequence
    verify_sum certain;  // values that are in for certain
    verify_sum possible; // values that can be in
};

#endif
