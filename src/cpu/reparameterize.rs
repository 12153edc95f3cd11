//! The reparameterisation trick (Kingma and Welling, "Auto-Encoding Variational Bayes", 2014):
//! a draw from the posterior as a differentiable function of its mean and standard deviation.

use super::Real;

/// z = mean + stddev·eps, all of one shape.
pub fn reparameterize<T: Real>(mean: &[T], stddev: &[T], eps: &[T], z: &mut [T]) {
    for (i, z) in z.iter_mut().enumerate() {
        *z = mean[i] + stddev[i] * eps[i];
    }
}
