//! The leaky rectifier (Maas, Hannun and Ng, 2013), with a slope of 0.01 below 0.

use super::{Formula, Number};

pub(super) struct LeakyRelu;

impl Formula<1> for LeakyRelu {
    /// x above 0, x / 100 below.
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        N::select(x < N::of(0.0), N::of(0.01) * x, x)
    }

    /// 1 where the value is above 0, else 0.01.
    #[inline(always)]
    fn slope<N: Number>(_: usize, [y]: [N; 1]) -> N {
        N::select(y > N::of(0.0), N::of(1.0), N::of(0.01))
    }
}
