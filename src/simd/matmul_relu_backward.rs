//! The gradient of a layer's input, back through the ReLU that made it.

use super::transposed::Transposed;
use super::{Part, Tile, vectorized};
use crate::kernel::{Call, Operand, Step};

/// dy, weight, y -> dy·weightᵀ where y > 0, else 0.
pub(super) fn matmul_relu_backward(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [_, columns, _] = call.mnk();
    let y = inputs[2].reals();
    let dx = &mut *outputs[0];
    Transposed::of(call, inputs).run(&mut |tile: Tile| {
        vectorized(
            #[inline(always)]
            || {
                for (row, sums) in tile.rows() {
                    let at = row * columns + tile.column;
                    let y = &y[at..][..sums.len()];
                    for ((dx, sum), y) in dx[at..].iter_mut().zip(sums).zip(y) {
                        *dx = if *y > 0.0 { *sum } else { 0.0 };
                    }
                }
            },
        );
    });
}
