//! Sums over columns.

use super::Real;

/// sums `[rows, 1]` of the columns of x `[rows, columns]`, in order.
pub fn row_sum<T: Real>(x: &[T], sums: &mut [T]) {
    let columns = x.len() / sums.len();
    for (x, sum) in x.chunks(columns).zip(sums) {
        *sum = x.iter().fold(T::zero(), |sum, &x| sum + x);
    }
}
