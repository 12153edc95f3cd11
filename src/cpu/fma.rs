//! Multiplications with additions in registers, to measure how many a thread can do: by the `pulp`
//! crate, whose vectors are as wide as the CPU has them at run time.

use pulp::{Arch, Simd, WithSimd};

/// What [`fma`] did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fma {
    /// Numbers of a vector.
    pub lanes: usize,
    /// The sum of all numbers of all chains.
    pub sum: f32,
}

/// `CHAINS` vectors of 0, 1, 2 and so on, each of them `rounds` times multiplied by the factor and
/// added to the addend, rounded once. They don't depend on one another, so a CPU that works on
/// several at once can.
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
