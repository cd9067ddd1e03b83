// gyre_atomic.h: the only spelling of atomic access in Gyre.
//
// Every name ends in its memory order; a compare-and-swap ends in two, success first. Nothing defaults to
// seq_cst. The operations are macros over the __atomic builtins, so that C, C++ and Swift's importer (through
// the inline functions of the other headers) compile the same text, and so that one define swaps the meaning:
//
//   (default)     the machine's atomics
//   GYRE_MODEL    calls into a model checker, which schedules every access and follows the declared orders
//
// An atomic is a struct with one field. It cannot be read, written or copied by accident, and two widths exist:
// gyre_atomic_u32 and gyre_atomic_u64. Plain data that is handed over between threads goes through
// gyre_plain_read and gyre_plain_write where the checker should watch it for races.

#ifndef GYRE_ATOMIC_H
#define GYRE_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// How the functions of these headers come to be. C99 `inline`: an optimising build inlines them wherever they are
// called, Swift included; any other build calls the one copy that gyre_inline.c emits, which is compiled with the
// sanitizers, the coverage and the assertions of that build. (Swift's importer instruments nothing itself: with
// `static inline` ThreadSanitizer would see neither these atomics nor what they order.)
#if !defined(GYRE_INLINE)
#if defined(__cplusplus) || defined(GYRE_MODEL)
#define GYRE_INLINE static inline
#else
#define GYRE_INLINE inline
#endif
#endif

/// A function for the rare case of one that is inlined, which it would make too large for that.
#define GYRE_RARE GYRE_INLINE __attribute__((noinline, cold))

#if defined(__SANITIZE_THREAD__)
#define GYRE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GYRE_THREAD_SANITIZER 1
#endif
#endif

#if defined(__cplusplus)
#define GYRE_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define GYRE_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/// Bytes that two threads must not share for writing. 64 on x86-64 and on the aarch64 cores of servers.
#define GYRE_CACHE_LINE_BYTES 64
#define GYRE_CACHE_ALIGNED __attribute__((aligned(GYRE_CACHE_LINE_BYTES)))

typedef struct { uint32_t value; } gyre_atomic_u32;
typedef struct { uint64_t value __attribute__((aligned(8))); } gyre_atomic_u64;

// ---------------------------------------------------------------------------------------------------------
// Assertions: what must hold. Active in debug, model and stress builds; operating errors are returned instead.

#if defined(GYRE_MODEL)
#define GYRE_ASSERT(condition) ((condition) ? (void)0 : gyre_model_fail(#condition, __FILE__, __LINE__))
#elif defined(GYRE_STRESS) || defined(DEBUG)
#define GYRE_ASSERT(condition) ((condition) ? (void)0 : __builtin_trap())
#else
#define GYRE_ASSERT(condition) ((void)0)
#endif

#define gyre_likely(condition) __builtin_expect(!!(condition), 1)
#define gyre_unlikely(condition) __builtin_expect(!!(condition), 0)

#if defined(GYRE_MODEL)
// ---------------------------------------------------------------------------------------------------------
// Under the model checker. Locations are told apart by address.

#ifdef __cplusplus
extern "C" {
#endif

enum { GYRE_RELAXED = 0, GYRE_ACQUIRE = 1, GYRE_RELEASE = 2, GYRE_ACQ_REL = 3, GYRE_SEQ_CST = 4 };
enum { GYRE_RMW_EXCHANGE = 0, GYRE_RMW_ADD = 1, GYRE_RMW_SUB = 2, GYRE_RMW_AND = 3, GYRE_RMW_OR = 4 };

uint64_t gyre_model_load(const void *address, unsigned bytes, int order, const char *file, int line);
void gyre_model_store(void *address, unsigned bytes, uint64_t value, int order, const char *file, int line);
uint64_t gyre_model_rmw(void *address, unsigned bytes, int operation, uint64_t operand, int order,
                        const char *file, int line);
/// `expected` points to a value of the same width; it receives what was seen when the exchange fails.
bool gyre_model_cas(void *address, unsigned bytes, void *expected, uint64_t desired, int success, int failure,
                    const char *file, int line);
void gyre_model_fence(int order, const char *file, int line);
void gyre_model_pause(const char *file, int line);
void gyre_model_plain_read(const void *address, const char *file, int line);
void gyre_model_plain_write(const void *address, const char *file, int line);
void gyre_model_fail(const char *what, const char *file, int line);
/// Sleeps while the word is `expected`; returns whether it was woken, false when the word has moved on.
bool gyre_model_futex_wait(gyre_atomic_u32 *word, uint32_t expected, const char *file, int line);
/// Returns how many were woken.
uint32_t gyre_model_futex_wake(gyre_atomic_u32 *word, uint32_t count, const char *file, int line);

#ifdef __cplusplus
}
#endif

#define GYRE_LOAD(p, order) \
    ((__typeof__(+(p)->value))gyre_model_load(&(p)->value, sizeof((p)->value), (order), __FILE__, __LINE__))
#define GYRE_STORE(p, v, order) \
    gyre_model_store(&(p)->value, sizeof((p)->value), (uint64_t)(v), (order), __FILE__, __LINE__)
#define GYRE_RMW(p, operation, v, order)                                                                     \
    ((__typeof__((p)->value))gyre_model_rmw(&(p)->value, sizeof((p)->value), (operation), (uint64_t)(v),     \
                                            (order), __FILE__, __LINE__))
#define GYRE_CAS(p, e, d, success, failure)                                                                  \
    gyre_model_cas(&(p)->value, sizeof((p)->value), (e), (uint64_t)(d), (success), (failure), __FILE__,      \
                   __LINE__)
#define GYRE_FENCE(order) gyre_model_fence((order), __FILE__, __LINE__)
#define GYRE_EXCHANGE(p, v, order) GYRE_RMW(p, GYRE_RMW_EXCHANGE, v, order)
#define GYRE_FETCH_ADD(p, v, order) GYRE_RMW(p, GYRE_RMW_ADD, v, order)
#define GYRE_FETCH_SUB(p, v, order) GYRE_RMW(p, GYRE_RMW_SUB, v, order)
#define GYRE_FETCH_AND(p, v, order) GYRE_RMW(p, GYRE_RMW_AND, v, order)
#define GYRE_FETCH_OR(p, v, order) GYRE_RMW(p, GYRE_RMW_OR, v, order)
#define gyre_pause() gyre_model_pause(__FILE__, __LINE__)
#define gyre_plain_read(lvalue) (gyre_model_plain_read(&(lvalue), __FILE__, __LINE__), (lvalue))
#define gyre_plain_write(lvalue, v) (gyre_model_plain_write(&(lvalue), __FILE__, __LINE__), (void)((lvalue) = (v)))

#else
// ---------------------------------------------------------------------------------------------------------
// On the machine.

#define GYRE_RELAXED __ATOMIC_RELAXED
#define GYRE_ACQUIRE __ATOMIC_ACQUIRE
#define GYRE_RELEASE __ATOMIC_RELEASE
#define GYRE_ACQ_REL __ATOMIC_ACQ_REL
#define GYRE_SEQ_CST __ATOMIC_SEQ_CST

#define GYRE_LOAD(p, order) __atomic_load_n(&(p)->value, (order))
#define GYRE_STORE(p, v, order) __atomic_store_n(&(p)->value, (v), (order))
#define GYRE_CAS(p, e, d, success, failure) \
    __atomic_compare_exchange_n(&(p)->value, (e), (d), false, (success), (failure))
#define GYRE_EXCHANGE(p, v, order) __atomic_exchange_n(&(p)->value, (v), (order))
#define GYRE_FETCH_ADD(p, v, order) __atomic_fetch_add(&(p)->value, (v), (order))
#define GYRE_FETCH_SUB(p, v, order) __atomic_fetch_sub(&(p)->value, (v), (order))
#define GYRE_FETCH_AND(p, v, order) __atomic_fetch_and(&(p)->value, (v), (order))
#define GYRE_FETCH_OR(p, v, order) __atomic_fetch_or(&(p)->value, (v), (order))

GYRE_INLINE void gyre_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory"); // `yield` is a no-op on most cores; isb waits some 10 ns
#endif
}

#define gyre_plain_read(lvalue) (lvalue)
#define gyre_plain_write(lvalue, v) ((void)((lvalue) = (v)))
#endif

// ---------------------------------------------------------------------------------------------------------
// The operations, each with its order in its name.

#define gyre_load_relaxed(p) GYRE_LOAD(p, GYRE_RELAXED)
#define gyre_load_acquire(p) GYRE_LOAD(p, GYRE_ACQUIRE)
#define gyre_load_seq_cst(p) GYRE_LOAD(p, GYRE_SEQ_CST)
#define gyre_store_relaxed(p, v) GYRE_STORE(p, v, GYRE_RELAXED)
#define gyre_store_release(p, v) GYRE_STORE(p, v, GYRE_RELEASE)
#define gyre_store_seq_cst(p, v) GYRE_STORE(p, v, GYRE_SEQ_CST)

#define gyre_exchange_acquire(p, v) GYRE_EXCHANGE(p, v, GYRE_ACQUIRE)
#define gyre_exchange_release(p, v) GYRE_EXCHANGE(p, v, GYRE_RELEASE)
#define gyre_exchange_acq_rel(p, v) GYRE_EXCHANGE(p, v, GYRE_ACQ_REL)
#define gyre_exchange_seq_cst(p, v) GYRE_EXCHANGE(p, v, GYRE_SEQ_CST)

#define gyre_fetch_add_relaxed(p, v) GYRE_FETCH_ADD(p, v, GYRE_RELAXED)
#define gyre_fetch_add_acquire(p, v) GYRE_FETCH_ADD(p, v, GYRE_ACQUIRE)
#define gyre_fetch_add_release(p, v) GYRE_FETCH_ADD(p, v, GYRE_RELEASE)
#define gyre_fetch_add_acq_rel(p, v) GYRE_FETCH_ADD(p, v, GYRE_ACQ_REL)
#define gyre_fetch_add_seq_cst(p, v) GYRE_FETCH_ADD(p, v, GYRE_SEQ_CST)
#define gyre_fetch_sub_relaxed(p, v) GYRE_FETCH_SUB(p, v, GYRE_RELAXED)
#define gyre_fetch_sub_release(p, v) GYRE_FETCH_SUB(p, v, GYRE_RELEASE)
#define gyre_fetch_sub_acq_rel(p, v) GYRE_FETCH_SUB(p, v, GYRE_ACQ_REL)
#define gyre_fetch_sub_seq_cst(p, v) GYRE_FETCH_SUB(p, v, GYRE_SEQ_CST)
#define gyre_fetch_and_relaxed(p, v) GYRE_FETCH_AND(p, v, GYRE_RELAXED)
#define gyre_fetch_and_acquire(p, v) GYRE_FETCH_AND(p, v, GYRE_ACQUIRE)
#define gyre_fetch_and_release(p, v) GYRE_FETCH_AND(p, v, GYRE_RELEASE)
#define gyre_fetch_and_acq_rel(p, v) GYRE_FETCH_AND(p, v, GYRE_ACQ_REL)
#define gyre_fetch_and_seq_cst(p, v) GYRE_FETCH_AND(p, v, GYRE_SEQ_CST)
#define gyre_fetch_or_relaxed(p, v) GYRE_FETCH_OR(p, v, GYRE_RELAXED)
#define gyre_fetch_or_acq_rel(p, v) GYRE_FETCH_OR(p, v, GYRE_ACQ_REL)
#define gyre_fetch_or_seq_cst(p, v) GYRE_FETCH_OR(p, v, GYRE_SEQ_CST)

/// If `*p` is `*e`, stores `d` and returns true; else writes what it saw to `*e`. Never fails spuriously: an
/// exact "full" or "empty" may follow from a failure.
#define gyre_cas_relaxed_relaxed(p, e, d) GYRE_CAS(p, e, d, GYRE_RELAXED, GYRE_RELAXED)
#define gyre_cas_relaxed_acquire(p, e, d) GYRE_CAS(p, e, d, GYRE_RELAXED, GYRE_ACQUIRE)
#define gyre_cas_acquire_relaxed(p, e, d) GYRE_CAS(p, e, d, GYRE_ACQUIRE, GYRE_RELAXED)
#define gyre_cas_acquire_acquire(p, e, d) GYRE_CAS(p, e, d, GYRE_ACQUIRE, GYRE_ACQUIRE)
#define gyre_cas_release_relaxed(p, e, d) GYRE_CAS(p, e, d, GYRE_RELEASE, GYRE_RELAXED)
#define gyre_cas_release_acquire(p, e, d) GYRE_CAS(p, e, d, GYRE_RELEASE, GYRE_ACQUIRE)
#define gyre_cas_acq_rel_relaxed(p, e, d) GYRE_CAS(p, e, d, GYRE_ACQ_REL, GYRE_RELAXED)
#define gyre_cas_acq_rel_acquire(p, e, d) GYRE_CAS(p, e, d, GYRE_ACQ_REL, GYRE_ACQUIRE)
#define gyre_cas_seq_cst_relaxed(p, e, d) GYRE_CAS(p, e, d, GYRE_SEQ_CST, GYRE_RELAXED)
#define gyre_cas_seq_cst_seq_cst(p, e, d) GYRE_CAS(p, e, d, GYRE_SEQ_CST, GYRE_SEQ_CST)

// ---------------------------------------------------------------------------------------------------------
// Fences.

#if defined(GYRE_MODEL)
#define gyre_fence_seq_cst() GYRE_FENCE(GYRE_SEQ_CST)
#elif defined(GYRE_THREAD_SANITIZER)
// ThreadSanitizer does not see fences: a seq_cst exchange on one word that all threads share orders as much.
extern gyre_atomic_u64 gyre_fence_word;
GYRE_INLINE void gyre_fence_seq_cst(void) { (void)__atomic_fetch_add(&gyre_fence_word.value, 1, __ATOMIC_SEQ_CST); }
#elif defined(__x86_64__)
// A locked operation on the thread's own stack orders as mfence does, for user memory, at a third of its cost.
GYRE_INLINE void gyre_fence_seq_cst(void) { __asm__ __volatile__("lock; orq $0, (%%rsp)" ::: "memory", "cc"); }
#else
GYRE_INLINE void gyre_fence_seq_cst(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
#endif

#endif
