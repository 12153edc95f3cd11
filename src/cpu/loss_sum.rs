//! One term of the loss, summed over the batch, into the log that the host reads back.

use super::Real;

/// Updates element `index` of the log: the sum of term `[rows, columns]`, row by row, so that in
/// f32 too no sum has very many terms.
pub fn loss_sum<T: Real>(columns: usize, term: &[T], log: &mut [T], index: usize) {
    let sum = |terms: &[T]| terms.iter().fold(T::zero(), |sum, &term| sum + term);
    log[index] = term.chunks(columns).map(sum).fold(T::zero(), |total, row| total + row);
}
