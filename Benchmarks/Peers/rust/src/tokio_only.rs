//! What only Tokio has: callers that wait for values, and tasks that wait.

use crate::account::*;
use crate::loops::Request;
use crate::pools::{workers, Pool, Tokio};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc, Barrier};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Callers that wait for each value before they ask for the next one.
pub fn awaited(pool: &Tokio, request: &Request) -> Run {
    let each = request.operations / request.submitters;
    let is_work = request.body == "work";
    let account = Account::new(each * request.submitters);
    let (done, all_done) = mpsc::channel();
    let began = now();
    for caller in 0..request.submitters {
        let done = done.clone();
        pool.0.spawn(async move {
            for number in caller * each..(caller + 1) * each {
                let task = tokio::spawn(async move {
                    if is_work { task_work(number) } else { task_word(number) }
                    number
                });
                assert_eq!(task.await.expect("a task failed"), number);
            }
            done.send(()).expect("somebody waits");
        });
    }
    drop(done);
    assert_eq!(all_done.iter().count() as u64, request.submitters);
    account.settle(began, Sum::Numbers)
}

/// Bytes of physical memory that tasks hold which are queued, asleep or suspended.
pub fn memory(pool: &Tokio, request: &Request) -> Option<Run> {
    match request.kind.as_str() {
        "queued" => Some(queued(pool, request.operations)),
        "suspended" => Some(suspended(pool, request.operations)),
        "timer" => Some(waiting(pool, request.operations, || async {
            task_empty();
            tokio::time::sleep(Duration::from_secs(3600)).await;
        })),
        _ => None,
    }
}

fn queued(pool: &Tokio, count: u64) -> Run {
    let line = Arc::new(Barrier::new(workers() + 1));
    for _ in 0..workers() {
        let line = line.clone();
        pool.spawn(move || {
            line.wait(); // all workers are inside
            line.wait(); // and may go
        });
    }
    line.wait();
    let account = Account::new(count);
    let (began, before) = (now(), resident_bytes());
    (0..count).for_each(|word| pool.spawn(move || task_word(word)));
    let after = resident_bytes();
    line.wait();
    Run { bytes: after - before, ..account.settle(began, Sum::Numbers) }
}

fn suspended(pool: &Tokio, count: u64) -> Run {
    static ARRIVED: AtomicU64 = AtomicU64::new(0);
    let gate = Arc::new(Semaphore::new(0));
    let account = Account::new(count);
    let (began, before) = (now(), resident_bytes());
    for _ in 0..count {
        let gate = gate.clone();
        pool.0.spawn(async move {
            ARRIVED.fetch_add(1, Ordering::Relaxed);
            gate.acquire().await.expect("the gate is open").forget();
            task_empty();
        });
    }
    while ARRIVED.load(Ordering::Relaxed) < count {
        sleep_until(now() + 1_000_000);
    }
    sleep_until(now() + 50_000_000); // the last ones are on their way
    let after = resident_bytes();
    gate.add_permits(count as usize);
    Run { bytes: after - before, ..account.settle(began, Sum::Ones) }
}

fn waiting<F: Future<Output = ()> + Send + 'static>(pool: &Tokio, count: u64, body: impl Fn() -> F) -> Run {
    let account = Account::new(count);
    let (began, before) = (now(), resident_bytes());
    (0..count).for_each(|_| drop(pool.0.spawn(body())));
    let run = account.settle(began, Sum::Ones);
    sleep_until(now() + 50_000_000); // the last ones are on their way
    Run { bytes: resident_bytes() - before, ..run }
}

/// Of this process, in physical memory: the second number of the file, in pages.
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").expect("no /proc/self/statm");
    let pages = text.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
    // Safety: asks for a number.
    pages.expect("a number of pages") * unsafe { libc::sysconf(libc::_SC_PAGESIZE) } as u64
}
