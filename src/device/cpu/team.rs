//! Threads that run a job together, and wait for each other without sleeping.

use rayon::{ThreadPool, ThreadPoolBuilder};
use std::cell::Cell;
use std::hint::spin_loop;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{available_parallelism, panicking, yield_now};

/// A set of threads, which are started when they are first needed and then kept.
#[derive(Debug)]
pub(super) struct Team {
    threads: usize,
    pool: OnceLock<Option<ThreadPool>>,
}

impl Team {
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
    pub(super) fn run(&self, work: impl Fn(&Member) + Sync) {
        let make = || ThreadPoolBuilder::new().num_threads(self.threads).build().ok();
        let pool = (self.threads > 1).then(|| self.pool.get_or_init(make).as_ref()).flatten();
        match pool {
            Some(pool) => {
                let meeting = Meeting::default();
                pool.broadcast(|context| {
                    let (index, count) = (context.index(), context.num_threads());
                    work(&Member { index, count, meeting: &meeting, met: Cell::new(0) });
                });
            }
            None => alone(work),
        }
    }
}

/// Runs `work` on the calling thread.
pub(super) fn alone(work: impl FnOnce(&Member)) {
    let meeting = Meeting::default();
    work(&Member { index: 0, count: 1, meeting: &meeting, met: Cell::new(0) });
}

/// A barrier for the members of a team.
#[derive(Debug, Default)]
struct Meeting {
    arrivals: AtomicUsize,
    is_over: AtomicBool,
}

/// One thread of a team.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// Index of the thread.
    pub(super) index: usize,
    /// The number of threads.
    pub(super) count: usize,
    meeting: &'a Meeting,
    met: Cell<usize>,
}

impl Member<'_> {
    /// Waits until all members have called this. Each then sees what the others wrote before.
    ///
    /// # Panics
    /// If another member has panicked, and so would never arrive.
    pub(super) fn meet(&self) {
        /// Spins before yielding, in case threads outnumber cores.
        const PATIENCE: usize = 1 << 11;
        self.met.set(self.met.get() + 1);
        let all = self.met.get() * self.count;
        self.meeting.arrivals.fetch_add(1, Ordering::AcqRel);
        let mut waited = 0;
        while self.meeting.arrivals.load(Ordering::Acquire) < all {
            assert!(!self.meeting.is_over.load(Ordering::Relaxed), "another thread panicked");
            waited += 1;
            if waited % PATIENCE == 0 { yield_now() } else { spin_loop() }
        }
    }
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        if panicking() {
            self.meeting.is_over.store(true, Ordering::Relaxed);
        }
    }
}
