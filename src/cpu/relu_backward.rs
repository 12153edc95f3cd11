//! The gradient of ReLU; 0 at 0, as PyTorch and TensorFlow have it.

use super::Real;

/// dx = dy where y > 0, else 0.
pub fn relu_backward<T: Real>(dy: &[T], y: &[T], dx: &mut [T]) {
    for (i, dx) in dx.iter_mut().enumerate() {
        *dx = if y[i] > T::zero() { dy[i] } else { T::zero() };
    }
}
