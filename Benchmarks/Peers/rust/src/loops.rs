//! The loops that drive every pool: those of Loops.swift.

use crate::account::*;
use crate::pools::*;
use std::sync::{Arc, Barrier, Mutex};

const OPEN_LOOP_NANOSECONDS: u64 = 20_000;
const TICK_NANOSECONDS: u64 = 100_000;
const PACED_NANOSECONDS: u64 = 10_000;
const IDLE_NANOSECONDS: u64 = 1_000_000;

pub struct Request {
    pub subject: String,
    pub kind: String,
    pub body: String,
    pub submitters: u64,
    pub operations: u64,
    pub load: u64,
}

pub fn run<P: Pool>(pool: &P, request: &Request) -> Option<Run> {
    match request.kind.as_str() {
        "post" | "fire" => Some(flood(pool, request)),
        "fan-out" => Some(fan_out(pool, request)),
        "tree" => Some(tree(pool, request)),
        "idle-start" => Some(idle_start(pool, request)),
        "paced" => Some(paced(pool, request)),
        "open-loop" => Some(open_loop(pool, request)),
        _ => None,
    }
}

fn flood<P: Pool>(pool: &P, request: &Request) -> Run {
    let each = request.operations / request.submitters;
    let account = Account::new(each * request.submitters);
    let line = Arc::new(Barrier::new(request.submitters as usize));
    let began = Arc::new(Mutex::new(u64::MAX));
    let threads: Vec<_> = (0..request.submitters)
        .map(|index| {
            let (pool, line, began) = (pool.clone(), line.clone(), began.clone());
            let (first, body) = (index * each, request.body.clone());
            std::thread::spawn(move || {
                line.wait();
                let begin = now();
                match body.as_str() {
                    "empty" => (0..each).for_each(|_| pool.spawn(task_empty)),
                    "word" => (first..first + each).for_each(|word| pool.spawn(move || task_word(word))),
                    _ => (first..first + each).for_each(|word| pool.spawn(move || task_work(word))),
                }
                let mut began = began.lock().unwrap();
                *began = begin.min(*began);
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("a submitter failed"));
    let began = *began.lock().unwrap();
    account.settle(began, if request.body == "empty" { Sum::Ones } else { Sum::Numbers })
}

fn fan_out<P: Pool>(pool: &P, request: &Request) -> Run {
    let count = request.operations;
    let account = Account::new(count);
    let inside = pool.clone();
    let began = now();
    pool.spawn(move || (0..count).for_each(|word| inside.spawn(move || task_word(word))));
    account.settle(began, Sum::Numbers)
}

fn tree<P: Pool>(pool: &P, request: &Request) -> Run {
    let depth = std::cmp::max(2, 64 - request.operations.leading_zeros() - 2);
    let account = Account::new(1 << depth);
    let inside = pool.clone();
    let began = now();
    pool.spawn(move || inside.fork(depth));
    let mut run = account.settle(began, Sum::Ones);
    run.operations = (2 << depth) - 1;
    run
}

fn idle_start<P: Pool>(pool: &P, request: &Request) -> Run {
    latencies(request, |number| {
        sleep_until(now() + IDLE_NANOSECONDS);
        let submitted = now();
        pool.spawn(move || task_stamped(number));
        submitted
    })
}

fn paced<P: Pool>(pool: &P, request: &Request) -> Run {
    let began = now() + IDLE_NANOSECONDS;
    latencies(request, |number| {
        let intended = began + number * PACED_NANOSECONDS;
        while now() < intended {}
        pool.spawn(move || task_stamped(number));
        intended
    })
}

fn open_loop<P: Pool>(pool: &P, request: &Request) -> Run {
    // Safety: sets a number of the calling thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1, 0, 0, 0) };
    let due_each = request.load * workers() as u64 * TICK_NANOSECONDS;
    let mut arrivals = Arrivals::new(due_each as f64 / (100 * OPEN_LOOP_NANOSECONDS) as f64);
    let mut due = now() + IDLE_NANOSECONDS;
    let mut left = 0;
    latencies(request, |number| {
        while left == 0 {
            left = arrivals.next();
            due += TICK_NANOSECONDS;
        }
        sleep_until(due);
        left -= 1;
        pool.spawn(move || task_stamped(number));
        due
    })
}

/// From what `submit` returns to the end of the task.
fn latencies(request: &Request, mut submit: impl FnMut(u64) -> u64) -> Run {
    let count = request.operations as usize;
    make_stamps(count);
    let mut intended = Vec::with_capacity(count);
    let account = Account::new(request.operations);
    let began = now();
    (0..request.operations).for_each(|number| intended.push(submit(number)));
    let mut run = account.settle(began, Sum::Numbers);
    let mut latencies: Vec<u64> = (0..count).map(|n| stamp(n).saturating_sub(intended[n])).collect();
    latencies.sort_unstable();
    run.p50 = latencies[count / 2];
    run.p99 = latencies[count * 99 / 100];
    run
}

/// How many arrive in an interval: Knuth's method, the same numbers as in Loops.swift.
struct Arrivals {
    state: u64,
    floor: f64,
}

impl Arrivals {
    fn new(mean: f64) -> Arrivals {
        Arrivals { state: 0x9E37_79B9_7F4A_7C15, floor: (-mean).exp() }
    }

    fn next(&mut self) -> u64 {
        let mut count = 0;
        let mut product = self.uniform();
        while product > self.floor {
            count += 1;
            product *= self.uniform();
        }
        count
    }

    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.state >> 11) as f64 / (1u64 << 53) as f64
    }
}
