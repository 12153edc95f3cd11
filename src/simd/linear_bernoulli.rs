//! The decoder's last layer, the log-likelihood of the images, and its gradient.

use super::linear::linear;
use super::linear_sample::block_sums;
use super::math::softplus_and_sigmoid;
use super::{Part, vectorized};
use crate::graph::{Fusion, Op, SUM_COLUMNS};
use crate::kernel::{Call, Operand, Step};

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
            || {
                block_sums(blocks, logits, x, |logit, x| logit * x - softplus_and_sigmoid(logit).0);
                for (logit, x) in logits.iter_mut().zip(x) {
                    *logit = dlog_likelihood * (x - softplus_and_sigmoid(*logit).1);
                }
            },
        );
    }
}
