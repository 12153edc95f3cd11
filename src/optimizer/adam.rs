//! Adam (Kingma and Ba, 2015, Algorithm 1).

use super::{Constants, Formula, Rates};
use crate::function::Arithmetic;

pub(super) struct Adam;

impl Formula<2, 3> for Adam {
    /// Computes m += (g − m)·(1 − β₁), v += (g² − v)·(1 − β₂) and, with both corrected, w −=
    /// learning_rate·m / (√v + epsilon).
    #[inline(always)]
    fn update<N: Arithmetic>(
        [first_gain, second_gain, epsilon]: [N; 3],
        Rates { learning_rate, corrections, .. }: Rates<N>,
        weight: N,
        gradient: N,
        [m, v]: [N; 2],
    ) -> (N, [N; 2]) {
        let m = m + (gradient - m) * first_gain;
        let v = v + (gradient * gradient - v) * second_gain;
        let [mean, mean_square] = [m * corrections[0], v * corrections[1]];
        (weight - learning_rate * mean / (mean_square.sqrt() + epsilon), [m, v])
    }
}

/// Returns 1 / (1 − βⁿ) for both means after n updates.
pub(super) fn corrections(&[beta1, beta2, ..]: &Constants, updates: u32) -> [f64; 2] {
    [beta1, beta2].map(|beta| 1.0 / (1.0 - beta.powf(updates.into())))
}
