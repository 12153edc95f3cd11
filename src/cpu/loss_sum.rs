//! One term of the loss, summed over the batch, into the log that the host reads back.

use super::Real;

/// Updates one element of the log, which is given by its index: the sum of term `[rows, 1]`.
pub fn loss_sum<T: Real>(term: &[T], log: &mut [T], index: usize) {
    log[index] = term.iter().fold(T::zero(), |sum, &term| sum + term);
}
