//! Splits columns. The encoder's output holds the means on the left and the columns that become the
//! standard deviations on the right.

use super::Real;

/// left `[rows, left_columns]` and right `[rows, …]` are the columns of x.
pub fn split_columns<T: Real>(x: &[T], left_columns: usize, left: &mut [T], right: &mut [T]) {
    let rows = left.len() / left_columns;
    let columns = x.len() / rows;
    for (r, row) in x.chunks_exact(columns).enumerate() {
        let (a, b) = row.split_at(left_columns);
        left[r * a.len()..][..a.len()].copy_from_slice(a);
        right[r * b.len()..][..b.len()].copy_from_slice(b);
    }
}
