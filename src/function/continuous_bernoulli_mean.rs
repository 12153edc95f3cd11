//! The mean of the continuous Bernoulli distribution as a function of its logit.

use super::continuous_bernoulli::SMALL;
use super::{Formula, Number};

pub(super) struct ContinuousBernoulliMean;

impl Formula<1> for ContinuousBernoulliMean {
    /// 1 / (1 − e^−l) − 1/l, and 1/2 at 0; around it by the series with the Bernoulli numbers.
    #[inline(always)]
    fn value<N: Number>([l]: [N; 1]) -> N {
        let one = N::of(1.0);
        let a = l.abs();
        let square = a * a;
        let mut tail = N::of(0.0);
        for term in
            [1.0 / 47_900_160.0, -1.0 / 1_209_600.0, 1.0 / 30_240.0, -1.0 / 720.0, 1.0 / 12.0]
        {
            tail = tail * square + N::of(term);
        }
        let is_small = a < N::of(SMALL);
        let large = N::select(is_small, N::of(SMALL), a);
        let direct = one / (one - (-large).exp()) - one / large;
        let mean = N::select(is_small, N::of(0.5) + a * tail, direct);
        N::select(l < N::of(0.0), one - mean, mean)
    }

    #[inline(always)]
    fn slope<N: Number>(_: usize, _: [N; 1]) -> N {
        N::of(0.0)
    }
}
