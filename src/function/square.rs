//! Squares.

use super::{Formula, Number};

pub(super) struct Square;

impl Formula<1> for Square {
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        x * x
    }

    #[inline(always)]
    fn slope<N: Number>(_: usize, [x]: [N; 1]) -> N {
        N::of(2.0) * x
    }
}
