//! The natural logarithm.

use super::{Formula, Number};

pub(super) struct Log;

impl Formula<1> for Log {
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        x.ln()
    }

    #[inline(always)]
    fn slope<N: Number>(_: usize, [x]: [N; 1]) -> N {
        N::of(1.0) / x
    }
}
