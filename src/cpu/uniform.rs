//! Uniform noise: the upper 24 bits of Philox words, which f32 holds exactly.

use super::Real;
use super::philox::words;
use crate::graph::{Step, Stream};

/// draws `[rows, columns]` from the multiples of 2⁻²⁴ from 0 to below 1. The draw depends on the seed,
/// the step, the stream, the column and `first_row` + the row.
pub fn uniform<T: Real>(step: Step, stream: Stream, columns: usize, draws: &mut [T]) {
    for (i, draw) in draws.iter_mut().enumerate() {
        let (row, column) = (step.first_row + (i / columns) as u32, i % columns);
        let words = words(step.seed, step.index, stream, row, (column / 4) as u32);
        *draw = T::of(f64::from(words[column % 4] >> 8) / f64::from(1 << 24));
    }
}
