//! The KL divergence in parts that fused kernels can make without waiting for a whole row.

use super::Real;
use super::gaussian_kl::gaussian_kl;
use crate::graph::SUM_COLUMNS;

/// blocks `[rows, columns / 4]`, rounded up: the [KL divergence](gaussian_kl) of four columns each.
pub fn gaussian_kl_blocks<T: Real>(columns: usize, mean: &[T], stddev: &[T], blocks: &mut [T]) {
    let rows = mean.chunks_exact(columns).zip(stddev.chunks_exact(columns));
    let parts = rows.flat_map(|(m, s)| m.chunks(SUM_COLUMNS).zip(s.chunks(SUM_COLUMNS)));
    for ((mean, stddev), block) in parts.zip(blocks.chunks_exact_mut(1)) {
        gaussian_kl(mean, stddev, block);
    }
}
