//! The decoder's last layer, the log-likelihood of the images, and its gradient.

use super::linear::linear;
use super::linear_sample::{TERMS, sum_blocks};
use super::math::softplus_and_sigmoid;
use super::{Part, vectorized};
use crate::graph::{Fusion, Op, SUM_COLUMNS, Step};
use crate::kernel::{Call, Operand};

/// h, weight, bias, x -> blocks of the log-likelihood, dlogits.
pub(super) fn linear_bernoulli(
    call: &Call,
    step: Step,
    part: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let Op::Fused(Fusion::LinearBernoulli { dlog_likelihood }) = call.op else {
        unreachable!("the kernel is for this op")
    };
    let [log_likelihood, dlogits] = outputs else { unreachable!("two outputs") };
    let x = inputs[3].reals();
    let columns = call.inputs[1].columns;
    // The logits, where their gradients will be.
    linear(call, step, part, inputs, &mut [dlogits]);
    let blocks = log_likelihood.chunks_exact_mut(columns.div_ceil(SUM_COLUMNS));
    let rows = dlogits.chunks_exact_mut(columns).zip(x.chunks_exact(columns));
    for ((logits, x), blocks) in rows.zip(blocks) {
        vectorized(
            #[inline(always)]
            || observe(dlog_likelihood, x, logits, blocks),
        );
    }
}

/// Turns a row of logits into their gradients, and sums the log-likelihoods of each block.
#[inline(always)]
fn observe(dlog_likelihood: f32, x: &[f32], logits: &mut [f32], blocks: &mut [f32]) {
    for ((logits, x), blocks) in
        logits.chunks_mut(TERMS).zip(x.chunks(TERMS)).zip(blocks.chunks_mut(TERMS / SUM_COLUMNS))
    {
        let mut terms = [0.0; TERMS];
        for ((logit, &x), term) in logits.iter_mut().zip(x).zip(&mut terms) {
            let (softplus, sigmoid) = softplus_and_sigmoid(*logit);
            *term = *logit * x - softplus;
            *logit = dlog_likelihood * (x - sigmoid);
        }
        sum_blocks(&terms, blocks);
    }
}
