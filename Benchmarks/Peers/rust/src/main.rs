//! Executors of Rust, beside which Gyre is measured: a program of its own, as Go's is. It reads one line for each run
//! (PoolRequest.swift) and answers with nine numbers, or with the reason why it has none.

mod account;
mod loops;
mod pools;
mod tokio_only;

use account::Run;
use loops::Request;
use pools::*;

/// As many bodies as a runtime of Gyre accepts by default.
const BOUND: usize = 4_096;

#[derive(Default)]
struct Pools {
    tokio: Option<Tokio>,
    rayon: Option<Rayon>,
    crossbeam: Option<Crossbeam>,
    bounded: Option<Crossbeam>,
}

impl Pools {
    fn run(&mut self, request: &Request) -> Option<Run> {
        match (request.subject.as_str(), request.kind.as_str()) {
            ("tokio", kind) => {
                let pool = self.tokio.get_or_insert_with(Tokio::new);
                match kind {
                    "run" => Some(tokio_only::awaited(pool, request)),
                    "queued" | "timer" | "suspended" => tokio_only::memory(pool, request),
                    _ => loops::run(pool, request),
                }
            }
            ("rayon", _) => loops::run(self.rayon.get_or_insert_with(Rayon::new), request),
            ("crossbeam", _) => loops::run(self.crossbeam.get_or_insert_with(|| Crossbeam::new(None)), request),
            ("crossbeam-bounded", "fan-out" | "tree") => None, // its bodies would wait for each other
            ("crossbeam-bounded", _) => {
                loops::run(self.bounded.get_or_insert_with(|| Crossbeam::new(Some(BOUND))), request)
            }
            _ => None,
        }
    }
}

fn parse(line: &str) -> Option<Request> {
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.len() != 8 || words[0] != "pool" {
        return None;
    }
    account::set_rounds(words[6].parse().ok()?);
    Some(Request {
        subject: words[1].into(),
        kind: words[2].into(),
        body: words[3].into(),
        submitters: words[4].parse().ok()?,
        operations: words[5].parse().ok()?,
        load: words[7].parse().ok()?,
    })
}

fn main() {
    let mut pools = Pools::default();
    for line in std::io::stdin().lines() {
        let line = line.expect("no line");
        let request = parse(&line).unwrap_or_else(|| {
            eprintln!("rust-peer: {line} is not understood");
            std::process::exit(2)
        });
        match pools.run(&request) {
            Some(run) => println!(
                "{} {} {} {} {} {} {} {} {}",
                run.nanoseconds, run.operations, run.count_in, run.count_out, run.digest_in, run.digest_out, run.p50,
                run.p99, run.bytes
            ),
            None => println!("left out: it has no such operation"),
        }
    }
}
