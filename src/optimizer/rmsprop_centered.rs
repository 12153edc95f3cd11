//! RMSProp as in PyTorch with `centered=True` (Graves, "Generating Sequences With Recurrent Neural
//! Networks", 2013): gradients are divided by their standard deviation.

use super::{Constants, Formula, Rates};
use crate::function::Arithmetic;

pub(super) struct RmsPropCentered;

impl Formula<2, 3> for RmsPropCentered {
    /// Computes m += (g − m)·gain, var += spread·(g − m)² − gain·var, w −= learning_rate·g / (√var +
    /// epsilon). PyTorch stores the mean square instead of the variance var = ms − m²: the same in exact
    /// numbers, but the difference may be below 0 in f32.
    #[inline(always)]
    fn update<N: Arithmetic>(
        [gain, spread, epsilon]: [N; 3],
        rates: Rates<N>,
        weight: N,
        gradient: N,
        [m, var]: [N; 2],
    ) -> (N, [N; 2]) {
        let m = m + (gradient - m) * gain;
        let var = var + (spread * (gradient - m) * (gradient - m) - gain * var);
        (weight - rates.learning_rate * gradient / (var.sqrt() + epsilon), [m, var])
    }
}

/// Returns gain, spread and epsilon. The distance of g from the mean before the update is 1 / decay times
/// that from the mean after it.
pub(super) fn prepare(&[decay, epsilon, ..]: &Constants) -> Constants {
    [1.0 - decay, (1.0 - decay) / decay, epsilon, 0.0, 0.0]
}
