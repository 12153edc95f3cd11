//! The encoder's last layer, a sample of its distribution, and that one's KL divergence.

use super::math::{ln, softplus_and_sigmoid};
use super::outer::Product;
use super::{Part, Tile, vectorized};
use crate::graph::{SUM_COLUMNS, Step};
use crate::kernel::{Call, Operand};

/// x, weight, bias, eps -> mean, s, stddev, z, blocks of the KL divergence.
pub(super) fn linear_sample(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [mean, s, stddev, z, kl] = outputs else { unreachable!("five outputs") };
    let latent = call.columns();
    let (bias, eps) = (inputs[2].reals(), inputs[3].reals());
    Product::of(call, inputs).run_sparse(&mut |tile: Tile| {
        vectorized(
            #[inline(always)]
            || {
                for (row, sums) in tile.rows() {
                    let columns = tile.column..tile.column + sums.len();
                    let bias = &bias[columns.clone()];
                    // A tile may have columns of both.
                    let of_mean = latent.clamp(columns.start, columns.end) - columns.start;
                    let (mean_sums, s_sums) = sums.split_at(of_mean);
                    let (mean_bias, s_bias) = bias.split_at(of_mean);
                    if of_mean > 0 {
                        add(mean_sums, mean_bias, &mut mean[row * latent + columns.start..]);
                    }
                    if of_mean < sums.len() {
                        let first = columns.start + of_mean - latent;
                        add(s_sums, s_bias, &mut s[row * latent + first..]);
                    }
                }
            },
        );
    });
    vectorized(
        #[inline(always)]
        || {
            stddev.iter_mut().zip(&**s).for_each(|(y, &s)| *y = softplus_and_sigmoid(s).0 + 1e-6);
            let distribution = mean.iter().zip(&**stddev);
            for (z, ((mean, stddev), eps)) in z.iter_mut().zip(distribution.zip(eps)) {
                *z = mean + stddev * eps;
            }
            let rows = mean.chunks_exact(latent).zip(stddev.chunks_exact(latent));
            let blocks = latent.div_ceil(SUM_COLUMNS);
            for ((mean, stddev), kl) in rows.zip(kl.chunks_exact_mut(blocks)) {
                divergence(mean, stddev, kl);
            }
        },
    );
}

#[inline(always)]
fn add(sums: &[f32], bias: &[f32], y: &mut [f32]) {
    for ((y, sum), bias) in y.iter_mut().zip(sums).zip(bias) {
        *y = sum + bias;
    }
}

/// Terms of blocks that are computed at once.
pub(super) const TERMS: usize = 16 * SUM_COLUMNS;

/// The KL divergence of a row, in blocks of columns.
#[inline(always)]
fn divergence(mean: &[f32], stddev: &[f32], blocks: &mut [f32]) {
    let operands = mean.chunks(TERMS).zip(stddev.chunks(TERMS));
    for (blocks, (mean, stddev)) in blocks.chunks_mut(TERMS / SUM_COLUMNS).zip(operands) {
        let mut terms = [0.0; TERMS];
        for (term, (&m, &s)) in terms.iter_mut().zip(mean.iter().zip(stddev)) {
            *term = 0.5 * (s * s + m * m) - 0.5 - ln(s);
        }
        sum_blocks(&terms, blocks);
    }
}

/// The sum of each block's terms.
#[inline(always)]
pub(super) fn sum_blocks(terms: &[f32; TERMS], blocks: &mut [f32]) {
    for (block, terms) in blocks.iter_mut().zip(terms.as_chunks::<SUM_COLUMNS>().0) {
        *block = terms.iter().sum();
    }
}
