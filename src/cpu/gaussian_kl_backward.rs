//! The gradient of the KL divergence.

use super::Real;

/// dmean = dkl·mean and dstddev = dkl·(stddev − 1/stddev); dkl `[rows, 1]`, the others
/// `[rows, columns]`.
pub fn gaussian_kl_backward<T: Real>(
    dkl: &[T],
    mean: &[T],
    stddev: &[T],
    dmean: &mut [T],
    dstddev: &mut [T],
) {
    let columns = mean.len() / dkl.len();
    for i in 0..mean.len() {
        let dkl = dkl[i / columns];
        dmean[i] = dkl * mean[i];
        dstddev[i] = dkl * (stddev[i] - stddev[i].recip());
    }
}
