//! Sums over groups of rows, as the gradient of a bias is, which reaches every row.

use super::Real;

/// sums `[g, columns]` = column sums of x `[g·group, columns]` over groups of successive rows.
pub fn column_sum<T: Real>(x: &[T], columns: usize, group: usize, sums: &mut [T]) {
    sums.fill(T::zero());
    for (rows, sums) in x.chunks_exact(group * columns).zip(sums.chunks_exact_mut(columns)) {
        for row in rows.chunks_exact(columns) {
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum = *sum + x;
            }
        }
    }
}
