//! The exponential linear unit (Clevert, Unterthiner and Hochreiter, 2016), with α = 1.

use super::{Formula, Number};

pub(super) struct Elu;

impl Formula<1> for Elu {
    /// x above 0, eˣ − 1 below.
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        let below = (-(-x).positive()).exp() - N::of(1.0);
        N::select(x < N::of(0.0), below, x)
    }

    /// 1 where the value is 0 or more, else y + 1.
    #[inline(always)]
    fn slope<N: Number>(_: usize, [y]: [N; 1]) -> N {
        N::select(y < N::of(0.0), y + N::of(1.0), N::of(1.0))
    }
}
