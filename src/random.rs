//! Random numbers of the host: starting weights, shuffles and the operands of checks. The generator
//! is ChaCha8, and normal numbers are made of it by pure Rust arithmetic, so they are the same on
//! every platform. (The devices' noise is [`philox`](crate::cpu::philox).)

use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};
use std::f64::consts::TAU;

/// ChaCha8 for a seed; streams of one seed are independent.
pub fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream);
    rng
}

/// A draw from N(0, 1) by the Box–Muller transform, with the logarithm and cosine of the `libm`
/// crate: the platform's may differ in the last bit.
pub fn normal(rng: &mut impl Rng) -> f64 {
    let u = 1.0 - rng.random::<f64>(); // in (0, 1]
    let v = rng.random::<f64>();
    (-2.0 * libm::log(u)).sqrt() * libm::cos(TAU * v)
}
