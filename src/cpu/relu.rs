//! Rectified linear unit. A NaN passes through: it must reach the loss to be noticed.

use super::Real;

/// y = max(x, 0).
pub fn relu<T: Real>(x: &[T], y: &mut [T]) {
    for (y, &x) in y.iter_mut().zip(x) {
        *y = if x < T::zero() { T::zero() } else { x };
    }
}
