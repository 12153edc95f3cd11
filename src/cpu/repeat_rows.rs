//! Repeated rows, as for several samples of each image.

use super::Real;

/// y `[r·times, columns]` = each row of x `[r, columns]` `times` times, one after the other.
pub fn repeat_rows<T: Real>(x: &[T], columns: usize, times: usize, y: &mut [T]) {
    for (x, rows) in x.chunks_exact(columns).zip(y.chunks_exact_mut(times * columns)) {
        rows.chunks_exact_mut(columns).for_each(|row| row.copy_from_slice(x));
    }
}
