//! The gradient of a layer's input, back through the ReLU that made it.

use super::Part;
use super::masked::Masked;
use crate::graph::Step;
use crate::kernel::{Call, Operand};

/// dy, weight, y -> dy·weightᵀ where y > 0, else 0.
pub(super) fn matmul_relu_backward(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [left, right, mask] = [0, 1, 2].map(|input| inputs[input].reals());
    let [_, _, terms] = call.mnk();
    Masked { left, right, terms, mask }.run(outputs[0]);
}
