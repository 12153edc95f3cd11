//! The rectifier.

use super::{Formula, Number};

pub(super) struct Relu;

impl Formula<1> for Relu {
    /// max(x, 0); NaN is passed on, so that it reaches the loss and is detected.
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        N::select(x < N::of(0.0), N::of(0.0), x)
    }

    /// 1 where the value is above 0, else 0.
    #[inline(always)]
    fn slope<N: Number>(_: usize, [y]: [N; 1]) -> N {
        N::select(y > N::of(0.0), N::of(1.0), N::of(0.0))
    }
}
