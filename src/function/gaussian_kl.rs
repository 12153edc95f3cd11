//! The KL divergence of a normal distribution from the standard normal one.

use super::{Formula, Number};

pub(super) struct GaussianKl;

impl Formula<2> for GaussianKl {
    /// (stddev² + mean²)/2 − 1/2 − ln stddev (Kingma and Welling, 2014, appendix B).
    #[inline(always)]
    fn value<N: Number>([mean, stddev]: [N; 2]) -> N {
        let half = N::of(0.5);
        half * (stddev * stddev + mean * mean) - half - stddev.ln()
    }

    /// mean, and stddev − 1/stddev.
    #[inline(always)]
    fn slope<N: Number>(operand: usize, [mean, stddev]: [N; 2]) -> N {
        if operand == 0 { mean } else { stddev - N::of(1.0) / stddev }
    }
}
