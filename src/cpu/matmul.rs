//! Matrix products, by definition: three loops, with the sum over k in order.

use super::Real;
use crate::graph::Transpose;

/// c `[m, n]` = a·b with inner dimension k; a is stored `[m, k]`, or `[k, m]` if transposed, and b
/// `[k, n]`, or `[n, k]` if transposed.
pub fn matmul<T: Real>(transpose: Transpose, [m, n, k]: [usize; 3], a: &[T], b: &[T], c: &mut [T]) {
    let [a_row, a_k] = if transpose == Transpose::A { [1, m] } else { [k, 1] };
    let [b_k, b_column] = if transpose == Transpose::B { [1, k] } else { [n, 1] };
    for i in 0..m {
        for j in 0..n {
            let mut sum = T::zero();
            for l in 0..k {
                sum = sum + a[i * a_row + l * a_k] * b[l * b_k + j * b_column];
            }
            c[i * n + j] = sum;
        }
    }
}
