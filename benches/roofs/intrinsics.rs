//! Multiply-adds written by hand for x86-64 processors, to verify the measured rate.

/// The best of many timings on all threads, in 10⁹ operations per second; none if the processor
/// lacks the instructions.
#[cfg(target_arch = "x86_64")]
pub(crate) fn gflops() -> Option<f64> {
    if is_x86_feature_detected!("avx512f") {
        Some(x86::best(x86::avx512))
    } else if is_x86_feature_detected!("fma") {
        Some(x86::best(x86::avx2))
    } else {
        None
    }
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn gflops() -> Option<f64> {
    None
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
mod x86 {
    use std::arch::x86_64::*;
    use std::hint::{black_box, spin_loop};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Instant;

    const ROUNDS: usize = 1 << 17;
    const CHAINS: usize = 12;
    const TIMINGS: usize = 200;

    /// Runs the loop on all threads at once; `run` returns the number of elements in a vector.
    pub(super) fn best(run: unsafe fn(f32) -> usize) -> f64 {
        let arrived = AtomicUsize::new(0);
        let rates = rayon::broadcast(|thread| {
            let rate = |timing: usize| {
                arrived.fetch_add(1, Ordering::AcqRel);
                while arrived.load(Ordering::Acquire) < (timing + 1) * thread.num_threads() {
                    spin_loop();
                }
                let began = Instant::now();
                // SAFETY: the caller has checked that the processor has the instructions.
                let lanes = unsafe { run(black_box(1.0)) };
                (2 * ROUNDS * CHAINS * lanes) as f64 / began.elapsed().as_secs_f64()
            };
            (0..TIMINGS).map(rate).collect::<Vec<_>>()
        });
        let of = |timing: usize| rates.iter().map(|thread| thread[timing]).sum();
        1e-9 * (0..TIMINGS).map(of).fold(0.0, f64::max)
    }

    macro_rules! chains {
        ($name:ident, $feature:literal, $lanes:literal, $set:ident, $fma:ident) => {
            #[target_feature(enable = $feature)]
            pub(super) fn $name(factor: f32) -> usize {
                let (factor, addend) = ($set(factor), $set(1.0));
                let mut chains = [$set(0.0); CHAINS];
                for (start, chain) in chains.iter_mut().enumerate() {
                    *chain = $set(start as f32);
                }
                for _ in 0..ROUNDS {
                    for chain in &mut chains {
                        *chain = $fma(*chain, factor, addend);
                    }
                }
                black_box(chains);
                $lanes
            }
        };
    }

    chains!(avx512, "avx512f", 16, _mm512_set1_ps, _mm512_fmadd_ps);
    chains!(avx2, "avx,fma", 8, _mm256_set1_ps, _mm256_fmadd_ps);
}
