//! Elementwise sum: where the gradients of two uses of one tensor meet.

use super::Real;

/// sum = a + b, all of one shape.
pub fn add<T: Real>(a: &[T], b: &[T], sum: &mut [T]) {
    for (i, sum) in sum.iter_mut().enumerate() {
        *sum = a[i] + b[i];
    }
}
