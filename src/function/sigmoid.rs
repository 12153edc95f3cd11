//! The logistic function.

use super::{Formula, Number};

pub(super) struct Sigmoid;

impl Formula<1> for Sigmoid {
    /// 1 / (1 + e⁻ˣ), by an exponential that cannot overflow.
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        let e = (-x.abs()).exp();
        N::select(x < N::of(0.0), e, N::of(1.0)) / (N::of(1.0) + e)
    }

    /// y·(1 − y).
    #[inline(always)]
    fn slope<N: Number>(_: usize, [y]: [N; 1]) -> N {
        y * (N::of(1.0) - y)
    }
}
