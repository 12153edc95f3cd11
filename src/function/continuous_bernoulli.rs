//! The log-density of a pixel from 0 to 1 by the continuous Bernoulli distribution (Loaiza-Ganem and
//! Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational autoencoders",
//! 2019), as a function of its logit.

use super::continuous_bernoulli_mean::ContinuousBernoulliMean;
use super::{Formula, Number};

pub(super) struct ContinuousBernoulli;

/// Below this absolute value of the logit a series is used, since too few digits of 1 − e^−|l| are
/// known.
pub(super) const SMALL: f64 = 0.5;

/// ln(a / (1 − e^−a)) for a from 0 on: near 0 by the series with the Bernoulli numbers.
#[inline(always)]
fn log_normalizer<N: Number>(a: N) -> N {
    let square = a * a;
    let mut tail = N::of(0.0);
    for term in
        [-1.0 / 479_001_600.0, 1.0 / 9_676_800.0, -1.0 / 181_440.0, 1.0 / 2880.0, -1.0 / 24.0]
    {
        tail = (tail + N::of(term)) * square;
    }
    let is_small = a < N::of(SMALL);
    let large = N::select(is_small, N::of(SMALL), a);
    let direct = (large / (N::of(1.0) - (-large).exp())).ln();
    N::select(is_small, N::of(0.5) * a + tail, direct)
}

impl Formula<2> for ContinuousBernoulli {
    /// x·ln p + (1 − x)·ln(1 − p) + ln C(p) with p = sigmoid(l), as l·x − max(l, 0) + ln(|l| / (1 −
    /// e^−|l|)), which cannot overflow and is exact around p = 1/2.
    #[inline(always)]
    fn value<N: Number>([l, x]: [N; 2]) -> N {
        // Near x = 1, the difference is exact where that of products is not.
        let start = N::select(l > N::of(0.0), N::of(1.0), N::of(0.0));
        l * (x - start) + log_normalizer(l.abs())
    }

    /// x minus the mean.
    #[inline(always)]
    fn slope<N: Number>(_: usize, [l, x]: [N; 2]) -> N {
        x - ContinuousBernoulliMean::value([l])
    }
}
