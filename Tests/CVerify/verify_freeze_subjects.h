// verify_freeze_subjects.h: the structures that threads are stopped in, and what the threads do with them.

#ifndef VERIFY_FREEZE_SUBJECTS_H
#define VERIFY_FREEZE_SUBJECTS_H

#include "gyre_cached.h"
#include "gyre_depot.h"
#include "gyre_event.h"
#include "gyre_runq.h"
#include "verify_freeze.h"
#include "verify_queue.h"
#include "verify_two_phase_ring.h"

#define VERIFY_FREEZE_THREADS 4u
#define VERIFY_FREEZE_HANDLES (8u * GYRE_STASH_HANDLES)
#define VERIFY_FREEZE_CHUNKS (VERIFY_FREEZE_HANDLES / GYRE_CHUNK_HANDLES + VERIFY_FREEZE_THREADS + 1)

typedef struct verify_freeze_structure {
    verify_freeze_subject subject;
    gyre_atomic_u32 ends; // the threads are to leave
    verify_queue queue;
    verify_two_phase_ring two_phase;
    gyre_runq runq;
    gyre_depot depot;
    gyre_chunk chunks[VERIFY_FREEZE_CHUNKS];
    gyre_event event;
    gyre_cached cached;
} verify_freeze_structure;

/// What a working thread shows to the one that stops it.
typedef struct verify_freeze_mark {
    GYRE_CACHE_ALIGNED gyre_atomic_u32 inside; // 1 between the first and the last instruction of an operation
    gyre_atomic_u64 completions;
} verify_freeze_mark;

bool verify_freeze_structure_init(verify_freeze_structure *structure, verify_freeze_subject subject,
                                  verify_queue_kind kind, uint32_t capacity);
void verify_freeze_structure_destroy(verify_freeze_structure *structure);

/// The life of thread `index`: operations without a pause until `ends`.
void verify_freeze_work(verify_freeze_structure *structure, verify_freeze_mark *mark, uint32_t index);

/// Whether some threads can only complete what others have to make possible.
bool verify_freeze_has_roles(const verify_freeze_structure *structure);

/// Whether the threads that are not stopped have anything left to complete while thread `stopped` is.
bool verify_freeze_has_work(verify_freeze_structure *structure, uint32_t stopped);

/// Lets every thread leave, those that wait as well.
void verify_freeze_end(verify_freeze_structure *structure);

#endif
