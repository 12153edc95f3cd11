//! How far the posterior of each image is from the standard normal prior.

use super::Real;

/// kl `[rows, 1]` = Σ over the columns of −ln stddev + (stddev² + mean²)/2 − 1/2 (Kingma and
/// Welling, 2014, appendix B).
pub fn gaussian_kl<T: Real>(mean: &[T], stddev: &[T], kl: &mut [T]) {
    let columns = mean.len() / kl.len();
    let half = T::of(0.5);
    for (row, sum) in kl.iter_mut().enumerate() {
        *sum = T::zero();
        for i in row * columns..(row + 1) * columns {
            let (m, s) = (mean[i], stddev[i]);
            *sum = *sum - s.ln() + half * (s * s + m * m) - half;
        }
    }
}
