//! The gradient of a bias: it reaches every row, so its gradient is the sum over the rows.

use super::Real;

/// dbias `[1, columns]` = column sums of dy `[rows, columns]`.
pub fn bias_backward<T: Real>(dy: &[T], dbias: &mut [T]) {
    let columns = dbias.len();
    dbias.fill(T::zero());
    for row in dy.chunks_exact(columns) {
        for (sum, &dy) in dbias.iter_mut().zip(row) {
            *sum = *sum + dy;
        }
    }
}
