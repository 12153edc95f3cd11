//! The step's images, picked by index and binarised, from a data set's bytes or real numbers.

use super::Real;
use super::philox::words;
use crate::graph::{Binarize, Step, Stream};

/// The pixels of a data set `[n, columns]`.
#[derive(Clone, Copy, Debug)]
pub enum Grey<'a> {
    /// From 0 to 255.
    Bytes(&'a [u8]),
    /// From 0 to 1.
    Reals(&'a [f32]),
}

/// x `[batch, columns]`: image `indices[first_row + row]` of data `[n, columns]` for each row; past
/// the end of the indices, the last image is repeated.
pub fn gather_batch<T: Real>(
    step: Step,
    binarize: Binarize,
    columns: usize,
    data: Grey,
    indices: &[u32],
    x: &mut [T],
) {
    for (row, x) in x.chunks_exact_mut(columns).enumerate() {
        let row = step.first_row as usize + row;
        let image = indices[row.min(indices.len() - 1)] as usize;
        for (column, x) in x.iter_mut().enumerate() {
            let random = || uniform(step, row as u32, column);
            let at = image * columns + column;
            *x = match data {
                Grey::Bytes(data) => of_byte(data[at], binarize, random),
                Grey::Reals(data) => of_real(data[at], binarize, random),
            };
        }
    }
}

fn of_byte<T: Real>(byte: u8, binarize: Binarize, random: impl Fn() -> u32) -> T {
    match binarize {
        Binarize::Threshold => bit(byte > 127),
        // In whole numbers: random / 2^24 < byte / 255.
        Binarize::Stochastic => bit(random() * 255 < u32::from(byte) << 24),
        Binarize::None => T::of(f64::from(byte)) / T::of(255.0),
    }
}

fn of_real<T: Real>(real: f32, binarize: Binarize, random: impl Fn() -> u32) -> T {
    match binarize {
        Binarize::Threshold => bit(real > 0.5),
        // Both sides are exact.
        Binarize::Stochastic => bit((random() as f32) * (1.0 / 16_777_216.0) < real),
        Binarize::None => T::of(f64::from(real)),
    }
}

fn bit<T: Real>(on: bool) -> T {
    if on { T::one() } else { T::zero() }
}

/// A random number below 2^24.
fn uniform(step: Step, row: u32, column: usize) -> u32 {
    let words = words(step.seed, step.index, Stream::Binarize, row, (column / 4) as u32);
    words[column % 4] >> 8
}
