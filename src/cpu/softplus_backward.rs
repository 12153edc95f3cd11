//! The gradient of softplus is the logistic function.

use super::Real;
use super::sigmoid::sigmoid_of;

/// ds = dstddev·sigmoid(s).
pub fn softplus_backward<T: Real>(dstddev: &[T], s: &[T], ds: &mut [T]) {
    for (i, ds) in ds.iter_mut().enumerate() {
        *ds = dstddev[i] * sigmoid_of(s[i]);
    }
}
