//! The hyperbolic tangent.

use super::{Formula, Number};

pub(super) struct Tanh;

impl Formula<1> for Tanh {
    /// (1 − e^−2|x|) / (1 + e^−2|x|) with the sign of x: the exponential cannot overflow.
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        let e = (N::of(-2.0) * x.abs()).exp();
        let positive = (N::of(1.0) - e) / (N::of(1.0) + e);
        N::select(x < N::of(0.0), -positive, positive)
    }

    /// 1 − y².
    #[inline(always)]
    fn slope<N: Number>(_: usize, [y]: [N; 1]) -> N {
        N::of(1.0) - y * y
    }
}
