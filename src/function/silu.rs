//! The sigmoid linear unit (Hendrycks and Gimpel, 2016; Ramachandran, Zoph and Le, 2017), also called
//! swish.

use super::sigmoid::Sigmoid;
use super::{Formula, Number};

pub(super) struct Silu;

impl Formula<1> for Silu {
    /// x·sigmoid(x).
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        x * Sigmoid::value([x])
    }

    /// s + x·s·(1 − s) with s = sigmoid(x).
    #[inline(always)]
    fn slope<N: Number>(_: usize, [x]: [N; 1]) -> N {
        let s = Sigmoid::value([x]);
        s + x * (s * (N::of(1.0) - s))
    }
}
