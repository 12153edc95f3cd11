//! Differences.

use super::{Formula, Number};

pub(super) struct Subtract;

impl Formula<2> for Subtract {
    #[inline(always)]
    fn value<N: Number>([a, b]: [N; 2]) -> N {
        a - b
    }

    #[inline(always)]
    fn slope<N: Number>(operand: usize, _: [N; 2]) -> N {
        N::of(if operand == 0 { 1.0 } else { -1.0 })
    }
}
