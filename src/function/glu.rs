//! The gated linear unit (Dauphin, Fan, Auli and Grangier, "Language Modeling with Gated Convolutional
//! Networks", 2017).

use super::sigmoid::Sigmoid;
use super::{Formula, Number};

pub(super) struct Glu;

impl Formula<2> for Glu {
    /// a·sigmoid(b).
    #[inline(always)]
    fn value<N: Number>([a, b]: [N; 2]) -> N {
        a * Sigmoid::value([b])
    }

    /// sigmoid(b), and a·e^−|b| / (1 + e^−|b|)², which is a·sigmoid(b)·(1 − sigmoid(b)) without the
    /// cancellation.
    #[inline(always)]
    fn slope<N: Number>(operand: usize, [a, b]: [N; 2]) -> N {
        if operand == 0 {
            return Sigmoid::value([b]);
        }
        let e = (-b.abs()).exp();
        let sum = N::of(1.0) + e;
        a * e / (sum * sum)
    }
}
