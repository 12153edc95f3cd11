//! The inverse of the continuous Bernoulli's cumulative distribution function: of a uniform number, a
//! sample.

use super::{Formula, Number};

pub(super) struct ContinuousBernoulliQuantile;

/// Below this absolute value of the logit a series is used.
const SMALL: f64 = 0.02;

/// The least argument of the logarithm, below every uniform number except 0.
const LEAST: f64 = 1e-30;

impl Formula<2> for ContinuousBernoulliQuantile {
    /// ln(1 + u·(eˡ − 1)) / l, and u at 0; around it by the cumulants of a Bernoulli variable. Negative
    /// logits are mirrored, so that nothing overflows.
    #[inline(always)]
    fn value<N: Number>([l, u]: [N; 2]) -> N {
        let one = N::of(1.0);
        let is_negative = l < N::of(0.0);
        let u = N::select(is_negative, one - u, u);
        let a = l.abs();
        let variance = u * (one - u);
        let skew = variance * (one - N::of(2.0) * u);
        let kurtosis = variance * (one - N::of(6.0) * variance);
        let tail = N::of(0.5) * variance
            + a * (N::of(1.0 / 6.0) * skew + a * N::of(1.0 / 24.0) * kurtosis);
        let is_small = a < N::of(SMALL);
        let large = N::select(is_small, N::of(SMALL), a);
        let share = u + (one - u) * (-large).exp();
        let share = N::select(share < N::of(LEAST), N::of(LEAST), share);
        let direct = (one + share.ln() / large).positive();
        let x = N::select(is_small, u + a * tail, direct);
        N::select(is_negative, one - x, x)
    }

    #[inline(always)]
    fn slope<N: Number>(_: usize, _: [N; 2]) -> N {
        N::of(0.0)
    }
}
