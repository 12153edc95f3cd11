//! Layers: x·weight + bias, and what may follow.

use super::outer::Product;
use super::{Part, Tile, vectorized};
use crate::graph::Step;
use crate::kernel::{Call, Operand};

/// x, weight, bias -> x·weight + bias.
pub(super) fn linear(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    each(call, inputs, outputs[0], |sum| sum);
}

/// x, weight, bias -> max(x·weight + bias, 0).
pub(super) fn linear_relu(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    // Not by `max`, which would take NaN for 0.
    each(call, inputs, outputs[0], |sum| if sum < 0.0 { 0.0 } else { sum });
}

/// A function of each number of x·weight + bias, of all rows that y has.
fn each(call: &Call, inputs: &[Operand<f32>], y: &mut [f32], of: impl Fn(f32) -> f32) {
    let columns = call.inputs[1].columns;
    let bias = inputs[2].reals();
    Product::of(call, inputs).run_sparse(&mut |tile: Tile| {
        vectorized(
            #[inline(always)]
            || {
                for (row, sums) in tile.rows() {
                    let y = &mut y[row * columns + tile.column..][..sums.len()];
                    let bias = &bias[tile.column..][..sums.len()];
                    for ((y, sum), bias) in y.iter_mut().zip(sums).zip(bias) {
                        *y = of(sum + bias);
                    }
                }
            },
        );
    });
}
