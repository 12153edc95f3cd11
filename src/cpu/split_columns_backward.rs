//! The gradient of a split: the parts side by side again.

use super::Real;

/// dx `[rows, left_columns + right_columns]` = dleft beside dright.
pub fn split_columns_backward<T: Real>(
    dleft: &[T],
    dright: &[T],
    left_columns: usize,
    dx: &mut [T],
) {
    let rows = dleft.len() / left_columns;
    let columns = dx.len() / rows;
    for (r, row) in dx.chunks_exact_mut(columns).enumerate() {
        let (a, b) = row.split_at_mut(left_columns);
        a.copy_from_slice(&dleft[r * a.len()..][..a.len()]);
        b.copy_from_slice(&dright[r * b.len()..][..b.len()]);
    }
}
