//! The CPU's roofs, on all threads that run kernels.

use super::threads::ThreadTeam;
use crate::cpu::fma::fma;
use crate::device::Roofs;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Consecutive timings of each probe, and rounds over the probes.
const ROW: usize = 10;
const TURNS: usize = 60;

/// Rounds of a timing of the FMA loop: about half a millisecond.
const ROUNDS: usize = 1 << 17;

/// Bytes of the large copies' sources together: twice as much with the destinations, which is more
/// than the last-level cache that cores share.
const LARGE: usize = 64 << 20;

/// Parts of the large copies; each timing copies the next part.
const PARTS: usize = 8;

/// Bytes of a small copy's source on each thread (twice as much with the destination, which fits a
/// core's second-level cache), and how often a timing repeats the copy.
const SMALL: usize = 64 << 10;
const SMALL_COPIES: usize = 256;

/// Consecutive timings of an empty dispatch.
const DISPATCHES: usize = 100;

/// Source and destination of one thread's copy.
struct Copy {
    from: Vec<u8>,
    to: Vec<u8>,
    next: usize,
}

impl Copy {
    /// Allocates the copies, each on its own thread, so that the memory is near that thread.
    fn on_threads(team: &ThreadTeam, bytes: usize) -> Vec<Mutex<Self>> {
        let empty = || Mutex::new(Self { from: Vec::new(), to: Vec::new(), next: 0 });
        let all: Vec<_> = (0..team.len()).map(|_| empty()).collect();
        team.run(|worker| {
            let mut copy = all[worker.index].lock().unwrap_or_else(PoisonError::into_inner);
            *copy = Self { from: vec![1; bytes], to: vec![2; bytes], next: 0 };
        });
        all
    }

    fn run(&mut self, parts: usize) {
        let part = self.from.len() / parts;
        let range = self.next * part..(self.next + 1) * part;
        self.to[range.clone()].copy_from_slice(black_box(&self.from[range]));
        black_box(&mut self.to);
        self.next = (self.next + 1) % parts;
    }
}

/// Measures the roofs.
pub(super) fn measure(team: &ThreadTeam) -> Roofs {
    let part = LARGE / team.len() / PARTS;
    let (large, small) = (Copy::on_threads(team, part * PARTS), Copy::on_threads(team, SMALL));
    let [mut flops, mut bytes, mut cached_bytes]: [f64; 3] = [0.0; 3];
    let mut dispatch = f64::INFINITY;
    for _ in 0..TURNS {
        flops = flops.max(fma_rate::<12>(team)).max(fma_rate::<16>(team));
        bytes = bytes.max(copy_rate(team, &large, [part, PARTS, 1]));
        cached_bytes = cached_bytes.max(copy_rate(team, &small, [SMALL, 1, SMALL_COPIES]));
        dispatch = dispatch.min(dispatch_time(team));
    }
    Roofs {
        gflops: flops * 1e-9,
        gbs: bytes * 1e-9,
        cached_gbs: cached_bytes * 1e-9,
        workgroup_gbs: None,
        dispatch_us: dispatch * 1e6,
        submit_us: 0.0,
    }
}

/// Returns the current speed in 10⁹ floating-point operations a second.
pub(super) fn pace(team: &ThreadTeam) -> f64 {
    fma_rate::<12>(team) * 1e-9
}

/// Returns how often a second all threads together do some work, in the best of a row of timings.
/// They pass a barrier before each timing without sleeping, so that they compete for shared
/// resources; but each is timed separately, since two of them may have to take turns on one core
/// while another program has the next one.
fn per_second(team: &ThreadTeam, work: impl Fn(usize) + Sync) -> f64 {
    let rates = Mutex::new([0.0; ROW]);
    team.run(|worker| {
        for row in 0..ROW {
            worker.barrier();
            let began = Instant::now();
            work(worker.index);
            let rate = 1.0 / began.elapsed().as_secs_f64();
            rates.lock().unwrap_or_else(PoisonError::into_inner)[row] += rate;
        }
    });
    let rates = rates.into_inner().unwrap_or_else(PoisonError::into_inner);
    rates.into_iter().fold(0.0, f64::max)
}

/// Returns the floating-point operations a second.
fn fma_rate<const CHAINS: usize>(team: &ThreadTeam) -> f64 {
    let lanes = fma::<CHAINS>(0, 1.0, 1.0).lanes;
    let rate = per_second(team, |_| {
        black_box(fma::<CHAINS>(ROUNDS, black_box(1.0), 1.0));
    });
    (2 * ROUNDS * CHAINS * lanes) as f64 * rate
}

/// Returns the bytes a second of copies of `bytes` bytes, one of `parts` parts at a time, each
/// repeated `rounds` times.
fn copy_rate(team: &ThreadTeam, copies: &[Mutex<Copy>], [bytes, parts, rounds]: [usize; 3]) -> f64 {
    let rate = per_second(team, |thread| {
        let mut copy = copies[thread].lock().unwrap_or_else(PoisonError::into_inner);
        (0..rounds).for_each(|_| copy.run(parts));
    });
    (2 * bytes * rounds) as f64 * rate
}

/// Returns the seconds that it takes to hand an empty job to all threads and wait for them.
fn dispatch_time(team: &ThreadTeam) -> f64 {
    let dispatch = |_| {
        let began = Instant::now();
        team.run(|_| ());
        began.elapsed().as_secs_f64()
    };
    (0..DISPATCHES).map(dispatch).fold(f64::INFINITY, f64::min)
}
