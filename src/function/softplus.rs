//! A smooth rectifier, whose value is above 0.

use super::sigmoid::Sigmoid;
use super::{Formula, Number};

pub(super) struct Softplus;

impl Formula<1> for Softplus {
    /// ln(1 + eˣ) as max(x, 0) + ln(1 + e^−|x|), which cannot overflow.
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        x.positive() + (-x.abs()).exp().ln_1p()
    }

    /// sigmoid(x).
    #[inline(always)]
    fn slope<N: Number>(_: usize, x: [N; 1]) -> N {
        Sigmoid::value(x)
    }
}
