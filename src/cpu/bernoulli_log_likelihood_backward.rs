//! The gradient of the log-likelihood with respect to the logits.

use super::Real;
use super::sigmoid::sigmoid_of;

/// dlogits `[rows, columns]` = dlog_likelihood `[rows, 1]` · (x − sigmoid(logits)).
pub fn bernoulli_log_likelihood_backward<T: Real>(
    dlog_likelihood: &[T],
    logits: &[T],
    x: &[T],
    dlogits: &mut [T],
) {
    let columns = dlogits.len() / dlog_likelihood.len();
    for (i, dlogits) in dlogits.iter_mut().enumerate() {
        *dlogits = dlog_likelihood[i / columns] * (x[i] - sigmoid_of(logits[i]));
    }
}
