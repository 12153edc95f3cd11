//! The batch of a step and its noise.

use super::normal::{LANES, normal, words};
use super::{Part, prefetch, vectorized};
use crate::cpu::gather_batch::{Grey, gather_batch};
use crate::graph::{Binarize, Op, Pixels, Step, Stream};
use crate::kernel::{Call, Operand};

/// data, indices -> x `[rows, columns]`, eps `[rows, latent]`.
pub(super) fn batch(
    call: &Call,
    step: Step,
    _: Part,
    inputs: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let [x, eps] = outputs else { unreachable!("a batch and its noise") };
    let indices = inputs[1].words();
    for part in &call.parts {
        match *part {
            Op::GatherBatch { pixels: Pixels::Bytes, binarize, .. } => {
                gather_bytes(step, binarize, call.columns(), inputs[0].bytes(), indices, x);
            }
            Op::GatherBatch { binarize, .. } => {
                let data = Grey::Reals(bytemuck::cast_slice(inputs[0].words()));
                gather_batch(step, binarize, call.columns(), data, indices, x);
            }
            Op::Normal { stream, .. } => normal(step, stream, call.outputs[1].columns, eps),
            _ => unreachable!("a batch is gathered, and has noise"),
        }
    }
}

/// Images, whose addresses are random, are prefetched this many rows ahead.
const AHEAD: u32 = 8;

/// Like [`gather_batch`], for bytes.
fn gather_bytes(
    step: Step,
    binarize: Binarize,
    columns: usize,
    data: &[u8],
    indices: &[u32],
    x: &mut [f32],
) {
    let bytes = |row: u32| {
        let image = indices[(row as usize).min(indices.len() - 1)] as usize;
        &data[image * columns..][..columns]
    };
    vectorized(
        #[inline(always)]
        || {
            // Other cores hold these lines since the last step.
            prefetch::to_write(x);
            for (row, x) in (step.first_row..).zip(x.chunks_exact_mut(columns)) {
                prefetch::to_read(bytes(row + AHEAD));
                let bytes = bytes(row);
                match binarize {
                    Binarize::Threshold => {
                        x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = f32::from(byte >> 7));
                    }
                    Binarize::None => {
                        x.iter_mut().zip(bytes).for_each(|(x, &byte)| *x = f32::from(byte) / 255.0);
                    }
                    Binarize::Stochastic => stochastic(step, row, bytes, x),
                }
            }
        },
    );
}

/// Sets x to 1 with probability byte / 255: random / 2²⁴ < byte / 255, in whole numbers.
#[inline(always)]
fn stochastic(step: Step, row: u32, bytes: &[u8], x: &mut [f32]) {
    let many = (0..).step_by(LANES).zip(x.chunks_mut(4 * LANES)).zip(bytes.chunks(4 * LANES));
    for ((block, x), bytes) in many {
        let words = words(step, Stream::Binarize, row, block);
        for (lane, (x, bytes)) in x.chunks_mut(4).zip(bytes.chunks(4)).enumerate() {
            for (word, (x, &byte)) in words.iter().zip(x.iter_mut().zip(bytes)) {
                let on = (word[lane] >> 8) * 255 < u32::from(byte) << 24;
                *x = f32::from(u8::from(on));
            }
        }
    }
}
