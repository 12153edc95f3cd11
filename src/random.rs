//! Random numbers of the host: starting weights, shuffles and the operands of checks. The generator
//! is ChaCha8, and normal numbers are derived from it by pure Rust arithmetic, so they are the same
//! on every platform. (The devices' noise is [`philox`](crate::cpu::philox).)

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::f64::consts::TAU;

/// ChaCha8 for a seed; streams of one seed are independent.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// Two independent draws from N(0, 1) by the Box–Muller transform, with the logarithm, cosine and
/// sine of the `libm` crate: the platform's may differ in the last bit.
fn normal_pair(rng: &mut impl Rng) -> [f64; 2] {
    let u = 1.0 - rng.random::<f64>(); // in (0, 1]
    let v = rng.random::<f64>();
    let radius = (-2.0 * libm::log(u)).sqrt();
    [radius * libm::cos(TAU * v), radius * libm::sin(TAU * v)]
}

/// Independent draws from N(0, 1).
pub fn normals(rng: &mut impl Rng) -> impl Iterator<Item = f64> {
    std::iter::repeat_with(move || normal_pair(rng)).flatten()
}

/// `count` pixels of 0 or 255; 13 in 100 are bright, as in handwritten digits.
pub fn pixels(count: usize, seed: u64) -> Vec<u8> {
    let mut rng = generator(seed, 0);
    (0..count).map(|_| if rng.random_bool(0.13) { 255 } else { 0 }).collect()
}

/// A draw from N(0, 1).
pub fn normal(rng: &mut impl Rng) -> f64 {
    normal_pair(rng)[0]
}
