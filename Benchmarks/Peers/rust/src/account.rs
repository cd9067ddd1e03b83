//! What the tasks do, and the account of it: see bench_pool.h, whose bodies these are.

use std::arch::asm;
use std::cell::Cell;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Written by one thread, read by all. It outlives its thread.
#[repr(align(128))]
struct Tally {
    count: AtomicU64,
    sum: AtomicU64,
    next: *const Tally,
}

static ALL: AtomicPtr<Tally> = AtomicPtr::new(std::ptr::null_mut());

thread_local! {
    static OWN: Cell<*const Tally> = const { Cell::new(std::ptr::null()) };
}

#[cold]
fn make_tally() -> *const Tally {
    let tally = Box::leak(Box::new(Tally {
        count: AtomicU64::new(0),
        sum: AtomicU64::new(0),
        next: ALL.load(Ordering::Relaxed),
    }));
    loop {
        let next = tally.next as *mut Tally;
        match ALL.compare_exchange_weak(next, tally, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => break,
            Err(seen) => tally.next = seen,
        }
    }
    OWN.with(|own| own.set(tally));
    tally
}

#[inline(always)]
pub fn count(word: u64) {
    let mut own = OWN.with(|own| own.get());
    if own.is_null() {
        own = make_tally();
    }
    // Safety: tallies are never freed, and this one is written by this thread alone.
    let tally = unsafe { &*own };
    let sum = tally.sum.load(Ordering::Relaxed).wrapping_add(word);
    tally.sum.store(sum, Ordering::Relaxed);
    tally.count.store(tally.count.load(Ordering::Relaxed) + 1, Ordering::Release);
}

#[derive(Clone, Copy)]
pub struct Total {
    pub count: u64,
    pub sum: u64,
}

pub fn total() -> Total {
    let mut total = Total { count: 0, sum: 0 };
    let mut next = ALL.load(Ordering::Acquire) as *const Tally;
    while !next.is_null() {
        // Safety: tallies are never freed.
        let tally = unsafe { &*next };
        total.count += tally.count.load(Ordering::Acquire);
        total.sum = total.sum.wrapping_add(tally.sum.load(Ordering::Relaxed));
        next = tally.next;
    }
    total
}

static ROUNDS: AtomicU64 = AtomicU64::new(0);
static STAMPS: AtomicPtr<u64> = AtomicPtr::new(std::ptr::null_mut());
static STAMPS_COUNT: AtomicUsize = AtomicUsize::new(0);

pub fn set_rounds(rounds: u64) {
    ROUNDS.store(rounds, Ordering::Relaxed);
}

/// The same chain of multiplications as in C: four cycles a round.
#[inline(always)]
fn work(seed: u64) -> u64 {
    let mut value = seed;
    for _ in 0..ROUNDS.load(Ordering::Relaxed) {
        value = value.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        // Safety: touches nothing; the compiler must have the value at hand.
        unsafe { asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags)) };
    }
    value
}

#[inline(always)]
pub fn task_empty() {
    count(1);
}

#[inline(always)]
pub fn task_word(word: u64) {
    count(word);
}

#[inline(always)]
pub fn task_work(word: u64) {
    std::hint::black_box(work(word));
    count(word);
}

#[inline(always)]
pub fn task_stamped(number: u64) {
    std::hint::black_box(work(number));
    assert!((number as usize) < STAMPS_COUNT.load(Ordering::Relaxed));
    // Safety: within bounds, and each number is one task's.
    unsafe { *STAMPS.load(Ordering::Relaxed).add(number as usize) = now() };
    count(number);
}

/// Room for the stamps of so many tasks, which the tasks write to until the next call.
pub fn make_stamps(count: usize) {
    let stamps = Box::leak(vec![0u64; count].into_boxed_slice());
    STAMPS.store(stamps.as_mut_ptr(), Ordering::Relaxed);
    STAMPS_COUNT.store(count, Ordering::Relaxed);
}

pub fn stamp(number: usize) -> u64 {
    assert!(number < STAMPS_COUNT.load(Ordering::Relaxed));
    // Safety: within bounds; the caller has waited for all tasks.
    unsafe { *STAMPS.load(Ordering::Relaxed).add(number) }
}

pub fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Safety: the pointer is good.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub fn sleep_until(instant: u64) {
    let present = now();
    if present < instant {
        std::thread::sleep(Duration::from_nanos(instant - present));
    }
}

#[derive(Default)]
pub struct Run {
    pub nanoseconds: u64,
    pub operations: u64,
    pub count_in: u64,
    pub count_out: u64,
    pub digest_in: u64,
    pub digest_out: u64,
    pub p50: u64,
    pub p99: u64,
    pub bytes: u64,
}

pub enum Sum {
    Ones,
    Numbers,
}

/// What the tasks of a run have to add up to.
pub struct Account {
    tasks: u64,
    before: Total,
}

impl Account {
    pub fn new(tasks: u64) -> Account {
        Account { tasks, before: total() }
    }

    /// Waits for the tasks, looking every 20 us at most.
    pub fn settle(self, began: u64, sum: Sum) -> Run {
        while total().count - self.before.count < self.tasks {
            sleep_until(now() + 20_000);
        }
        let ended = now();
        let after = total();
        Run {
            nanoseconds: ended - began,
            operations: self.tasks,
            count_in: self.tasks,
            count_out: after.count - self.before.count,
            digest_in: match sum {
                Sum::Ones => self.tasks,
                Sum::Numbers => self.tasks.wrapping_mul(self.tasks.wrapping_sub(1)) / 2,
            },
            digest_out: after.sum.wrapping_sub(self.before.sum),
            ..Run::default()
        }
    }
}
