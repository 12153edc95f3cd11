//! The Gaussian error linear unit (Hendrycks and Gimpel, 2016), by the error function, like
//! PyTorch's.

use super::{Formula, Number};
use std::f64::consts::{FRAC_1_SQRT_2, PI};

pub(super) struct Gelu;

/// P(X < x) for X from N(0, 1).
#[inline(always)]
fn distribution<N: Number>(x: N) -> N {
    N::of(0.5) * (N::of(-FRAC_1_SQRT_2) * x).erfc()
}

impl Formula<1> for Gelu {
    /// x·P(X < x) for X from N(0, 1).
    #[inline(always)]
    fn value<N: Number>([x]: [N; 1]) -> N {
        x * distribution(x)
    }

    /// P(X < x) + x·p(x), with the density p.
    #[inline(always)]
    fn slope<N: Number>(_: usize, [x]: [N; 1]) -> N {
        let density = N::of((2.0 * PI).sqrt().recip()) * (N::of(-0.5) * x * x).exp();
        distribution(x) + x * density
    }
}
