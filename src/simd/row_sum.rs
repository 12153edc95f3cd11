//! Sums over whole rows.

use super::{Part, vectorized};
use crate::graph::Step;
use crate::kernel::{Call, Operand};

/// The number of partial sums of a row; each adds every sixteenth term.
const LANES: usize = 16;

/// x -> the sums of its rows.
pub(super) fn row_sum(
    call: &Call,
    _: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    vectorized(
        #[inline(always)]
        || {
            let rows = inputs[0].reals().chunks_exact(call.input_columns());
            for (x, sum) in rows.zip(outputs[0].iter_mut()) {
                let mut lanes = [0.0; LANES];
                for x in x.chunks(LANES) {
                    lanes.iter_mut().zip(x).for_each(|(lane, x)| *lane += x);
                }
                *sum = lanes.iter().sum();
            }
        },
    );
}
