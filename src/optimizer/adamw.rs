//! AdamW: Adam with decoupled weight decay (Loshchilov and Hutter, 2019, Algorithm 2), multiplied
//! by the step size as in PyTorch.

use super::adam::Adam;
use super::{Formula, Rates};
use crate::function::Arithmetic;

pub(super) struct AdamW;

impl Formula<2, 4> for AdamW {
    /// Computes w −= learning_rate·decay·w, then Adam's update.
    #[inline(always)]
    fn update<N: Arithmetic>(
        [first_gain, second_gain, epsilon, decay]: [N; 4],
        rates: Rates<N>,
        weight: N,
        gradient: N,
        states: [N; 2],
    ) -> (N, [N; 2]) {
        let weight = weight - rates.learning_rate * decay * weight;
        Adam::update([first_gain, second_gain, epsilon], rates, weight, gradient, states)
    }
}
