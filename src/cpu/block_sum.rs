//! Partial row sums, which fused kernels can compute without waiting for a whole row.

use super::Real;
use super::row_sum::row_sum;
use crate::graph::SUM_COLUMNS;

/// sums `[rows, columns / 4]`, rounded up, of four columns of x `[rows, columns]` each.
pub fn block_sum<T: Real>(columns: usize, x: &[T], sums: &mut [T]) {
    let blocks = x.chunks_exact(columns).flat_map(|x| x.chunks(SUM_COLUMNS));
    for (x, sum) in blocks.zip(sums.chunks_exact_mut(1)) {
        row_sum(x, sum);
    }
}
