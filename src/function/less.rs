//! A comparison: with a uniform number on the left, a Bernoulli sample of the probability on the
//! right.

use super::{Formula, Number};

pub(super) struct Less;

impl Formula<2> for Less {
    #[inline(always)]
    fn value<N: Number>([a, b]: [N; 2]) -> N {
        N::select(a < b, N::of(1.0), N::of(0.0))
    }

    #[inline(always)]
    fn slope<N: Number>(_: usize, _: [N; 2]) -> N {
        N::of(0.0)
    }
}
