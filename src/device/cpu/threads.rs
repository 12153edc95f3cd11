//! Threads that run a job together, and wait for each other without sleeping.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{available_parallelism, panicking, yield_now};

/// A set of threads, which are started when they are first needed and then kept.
#[derive(Debug)]
pub(super) struct ThreadTeam {
    threads: usize,
    pool: OnceLock<Option<ThreadPool>>,
}

impl ThreadTeam {
    /// Creates a team of `threads` threads, at least one; by default one per core.
    pub(super) fn new(threads: Option<usize>) -> Self {
        let cores = || available_parallelism().map_or(1, usize::from);
        Self { threads: threads.unwrap_or_else(cores).max(1), pool: OnceLock::new() }
    }

    /// The number of threads.
    pub(super) fn len(&self) -> usize {
        self.threads
    }

    /// Runs `work` on all threads, and waits for them.
    pub(super) fn run(&self, work: impl Fn(&Worker) + Sync) {
        let make = || ThreadPoolBuilder::new().num_threads(self.threads).build().ok();
        let pool = (self.threads > 1).then(|| self.pool.get_or_init(make).as_ref()).flatten();
        match pool {
            Some(pool) => {
                let barrier = Barrier::default();
                pool.broadcast(|context| {
                    let (index, count) = (context.index(), context.num_threads());
                    work(&Worker { index, count, barrier: &barrier, passed: Cell::new(0) });
                });
            }
            None => alone(work),
        }
    }
}

/// Runs `work` on the calling thread.
pub(super) fn alone(work: impl FnOnce(&Worker)) {
    let barrier = Barrier::default();
    work(&Worker { index: 0, count: 1, barrier: &barrier, passed: Cell::new(0) });
}

/// A barrier for the workers of a team.
#[derive(Debug, Default)]
struct Barrier {
    arrivals: AtomicUsize,
    is_broken: AtomicBool,
}

/// One thread of a team.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    /// Index of the thread.
    pub(super) index: usize,
    /// The number of threads.
    pub(super) count: usize,
    barrier: &'a Barrier,
    passed: Cell<usize>,
}

impl Worker<'_> {
    /// Waits until all workers have called this. Each then sees what the others wrote before.
    ///
    /// # Panics
    /// If another worker has panicked, and so would never arrive.
    pub(super) fn barrier(&self) {
        /// Spins before yielding, in case threads outnumber cores.
        const SPINS: usize = 1 << 11;
        self.passed.set(self.passed.get() + 1);
        let all = self.passed.get() * self.count;
        self.barrier.arrivals.fetch_add(1, Ordering::AcqRel);
        let mut waited = 0;
        while self.barrier.arrivals.load(Ordering::Acquire) < all {
            assert!(!self.barrier.is_broken.load(Ordering::Relaxed), "another thread panicked");
            waited += 1;
            if waited % SPINS == 0 { yield_now() } else { spin_loop() }
        }
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.barrier.is_broken.store(true, Ordering::Relaxed);
        }
    }
}
