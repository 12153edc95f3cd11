//! TensorFlow-1's RMSProp (Tieleman and Hinton, 2012): epsilon is inside the square root, and the
//! caller initialises ms to 1.

use super::Real;
use crate::graph::{RmsProp, Step};

/// Updates ms += (dw² − ms)·(1 − decay), then w −= learning_rate·dw / √(ms + epsilon).
pub fn rmsprop<T: Real>(step: Step, constants: RmsProp, dw: &[T], w: &mut [T], ms: &mut [T]) {
    let gain = T::of(1.0 - constants.decay);
    let learning_rate = T::of(step.scalars.learning_rate);
    let epsilon = T::of(constants.epsilon);
    for i in 0..w.len() {
        ms[i] = ms[i] + (dw[i] * dw[i] - ms[i]) * gain;
        w[i] = w[i] - learning_rate * dw[i] / (ms[i] + epsilon).sqrt();
    }
}
