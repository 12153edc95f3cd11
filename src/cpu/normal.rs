//! Standard normal noise: Philox words through the Box–Muller transform (Box and Muller, "A Note
//! on the Generation of Random Normal Deviates", 1958).

use super::Real;
use super::philox::words;
use crate::graph::{Step, Stream};
use std::f64::consts::TAU;

/// draws `[rows, columns]` from N(0, 1). The draw depends on the seed, the step, the stream, the
/// column and `first_row` + the row.
pub fn normal<T: Real>(step: Step, stream: Stream, columns: usize, draws: &mut [T]) {
    for (row, draws) in draws.chunks_exact_mut(columns).enumerate() {
        let row = step.first_row + row as u32;
        for (block, draws) in draws.chunks_mut(4).enumerate() {
            let words = words(step.seed, step.index, stream, row, block as u32);
            let four = [box_muller(words[0], words[1]), box_muller(words[2], words[3])];
            for (draw, value) in draws.iter_mut().zip(four.as_flattened()) {
                *draw = T::of(*value);
            }
        }
    }
}

/// Two independent normal numbers from two words: √(−2 ln u)·(cos 2πv, sin 2πv), where u in (0, 1]
/// and v in [0, 1) are the upper 24 bits of each, so that f32 holds them exactly.
fn box_muller(first: u32, second: u32) -> [f64; 2] {
    let u = f64::from((first >> 8) + 1) / f64::from(1 << 24);
    let v = f64::from(second >> 8) / f64::from(1 << 24);
    let radius = (-2.0 * u.ln()).sqrt();
    let (sin, cos) = (TAU * v).sin_cos();
    [radius * cos, radius * sin]
}
