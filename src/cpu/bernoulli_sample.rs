//! Black and white pixels from their probabilities.

use super::Real;
use super::philox::words;
use crate::graph::{Step, Stream};

/// samples `[rows, columns]`: 1 where a uniform number of 24 bits is below the probability, else 0.
pub fn bernoulli_sample<T: Real>(
    step: Step,
    stream: Stream,
    columns: usize,
    probabilities: &[T],
    samples: &mut [T],
) {
    for (i, sample) in samples.iter_mut().enumerate() {
        let (row, column) = (step.first_row + (i / columns) as u32, i % columns);
        let words = words(step.seed, step.index, stream, row, (column / 4) as u32);
        let uniform = T::of(f64::from(words[column % 4] >> 8) / f64::from(1 << 24));
        *sample = if uniform < probabilities[i] { T::one() } else { T::zero() };
    }
}
