//! The gradient of the logistic function, from its output.

use super::Real;

/// dx = dy·y·(1 − y).
pub fn sigmoid_backward<T: Real>(dy: &[T], y: &[T], dx: &mut [T]) {
    for (i, dx) in dx.iter_mut().enumerate() {
        *dx = dy[i] * y[i] * (T::one() - y[i]);
    }
}
