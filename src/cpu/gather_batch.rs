//! The step's images, picked by index and binarised, from the data set's bytes.

use super::Real;
use super::philox::words;
use crate::graph::{Binarize, Stream};
use crate::kernel::Step;

/// x `[batch, columns]`: image `indices[first_row + row]` of data `[n, columns]` for each row; past
/// the end of the indices, the last one again.
pub fn gather_batch<T: Real>(
    step: Step,
    binarize: Binarize,
    columns: usize,
    data: &[u8],
    indices: &[u32],
    x: &mut [T],
) {
    for (row, x) in x.chunks_exact_mut(columns).enumerate() {
        let row = step.first_row as usize + row;
        let image = indices[row.min(indices.len() - 1)] as usize;
        for (column, x) in x.iter_mut().enumerate() {
            let byte = data[image * columns + column];
            *x = match binarize {
                Binarize::Threshold => bit(byte > 127),
                Binarize::Stochastic => bit(draw(step, row as u32, column, byte)),
                Binarize::None => T::of(f64::from(byte)) / T::of(255.0),
            };
        }
    }
}

fn bit<T: Real>(on: bool) -> T {
    if on { T::one() } else { T::zero() }
}

/// True with probability byte / 255: a uniform number of 24 bits below it, in whole numbers.
fn draw(step: Step, row: u32, column: usize, byte: u8) -> bool {
    let words = words(step.seed(), step.index, Stream::Binarize, row, (column / 4) as u32);
    (words[column % 4] >> 8) * 255 < u32::from(byte) << 24
}
