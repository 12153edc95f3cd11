//! The log-likelihood in parts that fused kernels can make without waiting for a whole row.

use super::Real;
use super::bernoulli_log_likelihood::bernoulli_log_likelihood;
use crate::graph::SUM_COLUMNS;

/// blocks `[rows, columns / 4]`, rounded up: the [log-likelihood](bernoulli_log_likelihood) of four
/// columns each.
pub fn bernoulli_log_likelihood_blocks<T: Real>(
    columns: usize,
    logits: &[T],
    x: &[T],
    blocks: &mut [T],
) {
    let rows = logits.chunks_exact(columns).zip(x.chunks_exact(columns));
    let parts = rows.flat_map(|(l, x)| l.chunks(SUM_COLUMNS).zip(x.chunks(SUM_COLUMNS)));
    for ((logits, x), block) in parts.zip(blocks.chunks_exact_mut(1)) {
        bernoulli_log_likelihood(logits, x, block);
    }
}
