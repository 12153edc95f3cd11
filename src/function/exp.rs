//! The exponential function.

use super::{Formula, Number};

pub(super) struct Exp;

impl Formula<1> for Exp {
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        x.exp()
    }

    #[inline(always)]
    fn slope<N: Number>(_: usize, [y]: [N; 1]) -> N {
        y
    }
}
