//! Normal noise, drawn like its [twin](crate::cpu::normal), many blocks of four columns at once.

use super::math::{cos_sin_turns, ln};
use super::{Part, vectorized};
use crate::cpu::philox::philox;
use crate::graph::{Op, Step, Stream};
use crate::kernel::{Call, Operand};

/// Blocks that are drawn at once.
pub(super) const LANES: usize = 16;

/// 2⁻²⁴.
const UNIT: f32 = 1.0 / 16_777_216.0;

/// -> eps `[rows, columns]`.
pub(super) fn kernel(
    call: &Call,
    step: Step,
    _: Part,
    _: &[Operand<f32>],
    outputs: &mut [&mut [f32]],
) {
    let Op::Normal { stream, .. } = call.op else { unreachable!("the kernel is for this op") };
    normal(step, stream, call.columns(), outputs[0]);
}

/// Fills rows of `columns` columns with independent draws from N(0, 1).
pub(super) fn normal(step: Step, stream: Stream, columns: usize, draws: &mut [f32]) {
    vectorized(
        #[inline(always)]
        || {
            for (row, draws) in (step.first_row..).zip(draws.chunks_exact_mut(columns)) {
                for (block, draws) in (0..).step_by(LANES).zip(draws.chunks_mut(4 * LANES)) {
                    let [a, b, c, d] = words(step, stream, row, block);
                    let pairs = [box_muller(a, b), box_muller(c, d)];
                    for (lane, draws) in draws.chunks_mut(4).enumerate() {
                        let four = pairs.as_flattened().iter().map(|values| values[lane]);
                        draws.iter_mut().zip(four).for_each(|(draw, value)| *draw = value);
                    }
                }
            }
        },
    );
}

/// The four random words of each of [`LANES`] blocks of a row.
#[inline(always)]
pub(super) fn words(step: Step, stream: Stream, row: u32, block: u32) -> [[u32; LANES]; 4] {
    let seed = step.seed;
    let key = [seed as u32, (seed >> 32) as u32];
    let mut words = [[0; LANES]; 4];
    for lane in 0..LANES {
        let four = philox([block + lane as u32, row, step.index, stream as u32], key);
        for (words, word) in words.iter_mut().zip(four) {
            words[lane] = word;
        }
    }
    words
}

/// √(−2 ln u)·cos 2πv and √(−2 ln u)·sin 2πv.
#[inline(always)]
fn box_muller(first: [u32; LANES], second: [u32; LANES]) -> [[f32; LANES]; 2] {
    let mut found = [[0.0; LANES]; 2];
    for lane in 0..LANES {
        let u = ((first[lane] >> 8) + 1) as f32 * UNIT;
        let radius = (-2.0 * ln(u)).sqrt();
        let (cos, sin) = cos_sin_turns((second[lane] >> 8) as f32 * UNIT);
        found[0][lane] = radius * cos;
        found[1][lane] = radius * sin;
    }
    found
}
