//! Multiply-adds in registers, to measure a thread's peak rate, with the `pulp` crate, whose
//! vectors are as wide as the CPU supports at run time.

use pulp::{Arch, Simd, WithSimd};

/// The result of [`fma`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fma {
    /// Numbers of a vector.
    pub lanes: usize,
    /// The sum of all numbers of all chains.
    pub sum: f32,
}

/// Multiplies `CHAINS` vectors of 0, 1, 2 and so on `rounds` times by `factor` and adds `addend`,
/// rounded once. The chains are independent, so a CPU can work on several at once.
pub fn fma<const CHAINS: usize>(rounds: usize, factor: f32, addend: f32) -> Fma {
    Arch::new().dispatch(Chains::<CHAINS> { rounds, factor, addend })
}

struct Chains<const CHAINS: usize> {
    rounds: usize,
    factor: f32,
    addend: f32,
}

impl<const CHAINS: usize> WithSimd for Chains<CHAINS> {
    type Output = Fma;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Fma {
        let (factor, addend) = (simd.splat_f32s(self.factor), simd.splat_f32s(self.addend));
        let mut chains: [_; CHAINS] = std::array::from_fn(|chain| simd.splat_f32s(chain as f32));
        for _ in 0..self.rounds {
            for chain in &mut chains {
                *chain = simd.mul_add_f32s(*chain, factor, addend);
            }
        }
        let sum = chains.iter().map(|&chain| simd.reduce_sum_f32s(chain)).sum();
        Fma { lanes: S::F32_LANES, sum }
    }
}
