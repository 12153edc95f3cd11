//! A bias for each column.

use super::Real;

/// y `[rows, columns]` = x `[rows, columns]` + bias `[1, columns]`.
pub fn bias<T: Real>(x: &[T], bias: &[T], y: &mut [T]) {
    for (i, y) in y.iter_mut().enumerate() {
        *y = x[i] + bias[i % bias.len()];
    }
}
