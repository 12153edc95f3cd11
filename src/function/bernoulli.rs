//! The log-likelihood of a pixel that is 0 or 1.

use super::sigmoid::Sigmoid;
use super::{Formula, Number};

pub(super) struct Bernoulli;

impl Formula<2> for Bernoulli {
    /// x·ln p + (1 − x)·ln(1 − p) with p = sigmoid(l), as l·x − (max(l, 0) + ln(1 + e^−|l|)), which
    /// cannot overflow.
    #[inline(always)]
    fn value<N: Number>([l, x]: [N; 2]) -> N {
        l * x - (l.positive() + (-l.abs()).exp().ln_1p())
    }

    /// x − sigmoid(l).
    #[inline(always)]
    fn slope<N: Number>(_: usize, [l, x]: [N; 2]) -> N {
        x - Sigmoid::value([l])
    }
}
