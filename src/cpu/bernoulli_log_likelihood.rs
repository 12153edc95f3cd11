//! How likely an image is under independent Bernoulli pixels, from logits.

use super::Real;

/// log_likelihood `[rows, 1]` = Σ over the columns of x·ln p + (1 − x)·ln(1 − p) with
/// p = sigmoid(logit), in the form −(max(l, 0) − l·x + ln(1 + e^−|l|)), which cannot overflow.
pub fn bernoulli_log_likelihood<T: Real>(logits: &[T], x: &[T], log_likelihood: &mut [T]) {
    let columns = logits.len() / log_likelihood.len();
    for (row, sum) in log_likelihood.iter_mut().enumerate() {
        *sum = T::zero();
        for i in row * columns..(row + 1) * columns {
            let l = logits[i];
            *sum = *sum - (l.max(T::zero()) - l * x[i] + (-l.abs()).exp().ln_1p());
        }
    }
}
