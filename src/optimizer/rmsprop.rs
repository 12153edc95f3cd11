//! RMSProp as in TensorFlow 1 (Tieleman and Hinton, 2012): epsilon is inside the square root, and the
//! mean square starts at 1.

use super::{Formula, Rates};
use crate::function::Arithmetic;

pub(super) struct RmsProp;

impl Formula<1, 2> for RmsProp {
    /// Computes ms += (g² − ms)·gain, w −= learning_rate·g / √(ms + epsilon).
    #[inline(always)]
    fn update<N: Arithmetic>(
        [gain, epsilon]: [N; 2],
        rates: Rates<N>,
        weight: N,
        gradient: N,
        [ms]: [N; 1],
    ) -> (N, [N; 1]) {
        let ms = ms + (gradient * gradient - ms) * gain;
        (weight - (rates.learning_rate * gradient).over_root(ms + epsilon), [ms])
    }
}
