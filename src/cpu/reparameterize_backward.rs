//! The gradient that reaches the standard deviation through z; the mean's is dz itself.

use super::Real;

/// dstddev = dz·eps.
pub fn reparameterize_backward<T: Real>(dz: &[T], eps: &[T], dstddev: &mut [T]) {
    for (i, dstddev) in dstddev.iter_mut().enumerate() {
        *dstddev = dz[i] * eps[i];
    }
}
