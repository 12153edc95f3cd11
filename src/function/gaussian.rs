//! The log-density of a normal distribution, given its mean and a number that determines its standard
//! deviation.

use super::sigmoid::Sigmoid;
use super::softplus::Softplus;
use super::{Formula, Number};

pub(super) struct Gaussian;

/// ln √(2π).
const LOG_ROOT_TAU: f64 = 0.918_938_533_204_672_7;

/// The least standard deviation: a density has no upper bound, and constant pixels would reach any.
pub(crate) const LEAST: f64 = 0.01;

#[inline(always)]
fn stddev<N: Number>(s: N) -> N {
    Softplus::value([s]) + N::of(LEAST)
}

impl Formula<3> for Gaussian {
    /// −((x − mean) / stddev)² / 2 − ln stddev − ln √(2π), with stddev = softplus(s) + 0.01.
    #[inline(always)]
    fn value<N: Number>([mean, s, x]: [N; 3]) -> N {
        let stddev = stddev(s);
        let distance = (x - mean) / stddev;
        N::of(-0.5) * distance * distance - stddev.ln() - N::of(LOG_ROOT_TAU)
    }

    /// (x − mean) / stddev², and (((x − mean) / stddev)² − 1) / stddev·sigmoid(s).
    #[inline(always)]
    fn slope<N: Number>(operand: usize, [mean, s, x]: [N; 3]) -> N {
        let stddev = stddev(s);
        let distance = (x - mean) / stddev;
        let slope = if operand == 0 {
            distance
        } else {
            (distance * distance - N::of(1.0)) * Sigmoid::value([s])
        };
        slope / stddev
    }
}
