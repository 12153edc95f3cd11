//! Sums over rows, as the gradient of a bias is, which reaches every row.

use super::Real;

/// sums `[1, columns]` = column sums of x `[rows, columns]`.
pub fn column_sum<T: Real>(x: &[T], sums: &mut [T]) {
    let columns = sums.len();
    sums.fill(T::zero());
    for row in x.chunks_exact(columns) {
        for (sum, &x) in sums.iter_mut().zip(row) {
            *sum = *sum + x;
        }
    }
}
