//! The pools: Tokio's runtime, rayon's thread pool, and threads at a channel of crossbeam.

use crate::account::*;
use std::sync::Arc;

/// Something that runs closures. Each has its own copy of the loops in loops.rs, with its call inlined.
pub trait Pool: Clone + Send + Sync + 'static {
    fn spawn<F: FnOnce() + Send + 'static>(&self, body: F);

    /// A task that forks two, until `depth` is 0; those count.
    fn fork(&self, depth: u32) {
        if depth == 0 {
            return task_empty();
        }
        for _ in 0..2 {
            let pool = self.clone();
            self.spawn(move || pool.fork(depth - 1));
        }
    }
}

pub fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get())
}

/// The defaults of `tokio::main`: as many workers as cores.
#[derive(Clone)]
pub struct Tokio(pub Arc<tokio::runtime::Runtime>);

impl Tokio {
    pub fn new() -> Tokio {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build();
        Tokio(Arc::new(runtime.expect("no runtime")))
    }
}

impl Pool for Tokio {
    fn spawn<F: FnOnce() + Send + 'static>(&self, body: F) {
        self.0.spawn(async move { body() });
    }

    /// From inside, as its users write it.
    fn fork(&self, depth: u32) {
        if depth == 0 {
            return task_empty();
        }
        for _ in 0..2 {
            let pool = self.clone();
            tokio::spawn(async move { pool.fork(depth - 1) });
        }
    }
}

/// A pool of rayon's own, as the global one is made.
#[derive(Clone)]
pub struct Rayon(Arc<rayon::ThreadPool>);

impl Rayon {
    pub fn new() -> Rayon {
        Rayon(Arc::new(rayon::ThreadPoolBuilder::new().build().expect("no pool")))
    }
}

impl Pool for Rayon {
    fn spawn<F: FnOnce() + Send + 'static>(&self, body: F) {
        self.0.spawn(body);
    }
}

type Closure = Box<dyn FnOnce() + Send>;

/// What everybody builds from a channel: threads that receive closures and call them.
#[derive(Clone)]
pub struct Crossbeam(crossbeam_channel::Sender<Closure>);

impl Crossbeam {
    /// - `capacity`: bodies that may wait before a submitter does, or no bound. A pool with a bound must not have
    ///   bodies that submit: they may wait for room that only they can make.
    pub fn new(capacity: Option<usize>) -> Crossbeam {
        let (sender, receiver) = match capacity {
            Some(capacity) => crossbeam_channel::bounded::<Closure>(capacity),
            None => crossbeam_channel::unbounded::<Closure>(),
        };
        for _ in 0..workers() {
            let receiver = receiver.clone();
            std::thread::spawn(move || receiver.iter().for_each(|body| body()));
        }
        Crossbeam(sender)
    }
}

impl Pool for Crossbeam {
    fn spawn<F: FnOnce() + Send + 'static>(&self, body: F) {
        self.0.send(Box::new(body)).expect("the receivers live as long as the process");
    }
}
