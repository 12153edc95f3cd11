//! What evaluation needs besides layers: functions of each number, and sums over whole rows.

use super::math::{ln, softplus_and_sigmoid};
use super::{Part, vectorized};
use crate::graph::Step;
use crate::kernel::{Call, Operand};

/// Partial sums of a row, each of every sixteenth term.
const LANES: usize = 16;

/// s -> ln(1 + eˢ) + 1e-6.
pub(super) fn softplus(
    _: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    each(inputs[0].reals(), outputs[0], |s| softplus_and_sigmoid(s).0 + 1e-6);
}

/// x -> 1 / (1 + e⁻ˣ).
pub(super) fn sigmoid(
    _: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    each(inputs[0].reals(), outputs[0], |x| softplus_and_sigmoid(x).1);
}

/// logits, x -> the log-likelihood of each row.
pub(super) fn bernoulli_log_likelihood(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [logits, x] = [0, 1].map(|input| inputs[input].reals());
    row_sums(call.input_columns(), logits, x, outputs[0], |logit, x| {
        logit * x - softplus_and_sigmoid(logit).0
    });
}

/// mean, stddev -> the KL divergence of each row.
pub(super) fn gaussian_kl(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [mean, stddev] = [0, 1].map(|input| inputs[input].reals());
    row_sums(call.input_columns(), mean, stddev, outputs[0], |m, s| {
        0.5 * (s * s + m * m) - 0.5 - ln(s)
    });
}

fn each(x: &[f32], y: &mut [f32], of: impl Fn(f32) -> f32) {
    vectorized(
        #[inline(always)]
        || y.iter_mut().zip(x).for_each(|(y, &x)| *y = of(x)),
    );
}

/// The sum of a function of two numbers over each row of so many columns.
fn row_sums(
    columns: usize,
    a: &[f32],
    b: &[f32],
    sums: &mut [f32],
    term: impl Fn(f32, f32) -> f32,
) {
    let rows = a.chunks_exact(columns).zip(b.chunks_exact(columns));
    for ((a, b), sum) in rows.zip(sums) {
        *sum = vectorized(
            #[inline(always)]
            || {
                let mut lanes = [0.0; LANES];
                for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
                    for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
                        *lane += term(a, b);
                    }
                }
                lanes.iter().sum()
            },
        );
    }
}
