//! Products, element by element.

use super::{Formula, Number};

pub(super) struct Multiply;

impl Formula<2> for Multiply {
    #[inline(always)]
    fn value<N: Number>([a, b]: [N; 2]) -> N {
        a * b
    }

    #[inline(always)]
    fn slope<N: Number>(operand: usize, [a, b]: [N; 2]) -> N {
        if operand == 0 { b } else { a }
    }
}
