//! Tensors side by side.

use super::Real;

/// joined `[rows, left_columns + right_columns]` = left beside right.
pub fn concatenate<T: Real>(left: &[T], right: &[T], left_columns: usize, joined: &mut [T]) {
    let rows = left.len() / left_columns;
    let columns = joined.len() / rows;
    for (r, row) in joined.chunks_exact_mut(columns).enumerate() {
        let (a, b) = row.split_at_mut(left_columns);
        a.copy_from_slice(&left[r * a.len()..][..a.len()]);
        b.copy_from_slice(&right[r * b.len()..][..b.len()]);
    }
}
