//! Random operands, reproducible from a seed.

use crate::device::Values;
use crate::graph::Element;
use crate::kernel::{Fill, Input};
use crate::random::normal;
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt};

/// The elements of an operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Filled {
    /// Real numbers.
    Reals(Vec<f32>),
    /// Indices.
    Words(Vec<u32>),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Filled {
    /// Returns the elements in the form that a session accepts.
    pub fn values(&self) -> Values<'_> {
        match self {
            Self::Reals(values) => Values::F32(values),
            Self::Words(values) => Values::U32(values),
            Self::Bytes(values) => Values::U8(values),
        }
    }
}

/// Draws the elements of an operand.
pub fn fill(input: &Input, rng: &mut ChaCha8Rng) -> Filled {
    let count = input.shape.len();
    let below = match input.fill {
        Fill::Below(below) => below,
        _ => 2,
    };
    match input.element {
        Element::F32 => Filled::Reals((0..count).map(|_| real(input.fill, rng)).collect()),
        Element::U32 if input.fill == Fill::Unit => {
            Filled::Words((0..count).map(|_| real(input.fill, rng).to_bits()).collect())
        }
        Element::U32 => Filled::Words((0..count).map(|_| rng.random_range(0..below)).collect()),
        Element::U8 => {
            Filled::Bytes((0..count).map(|_| rng.random_range(0..below.min(256)) as u8).collect())
        }
    }
}

fn real(fill: Fill, rng: &mut ChaCha8Rng) -> f32 {
    let normal = normal(rng) as f32;
    let kind = rng.next_u32() % 32;
    match (fill, kind) {
        (Fill::Wide, 0) => 0.0,
        (Fill::Wide, 1) => 100.0,
        (Fill::Wide, 2) => -100.0,
        (Fill::Wide, 3..8) => 30.0 * normal,
        (Fill::Positive, 0) => 1e-6,
        (Fill::Positive, 1) => 1.0 + 1e-3 * normal,
        (Fill::Positive, _) => normal.exp().clamp(1e-6, 20.0),
        (Fill::AboveOne, _) => normal.abs().exp(),
        (Fill::Weight, _) => 0.1 * normal,
        (Fill::Zero, _) => 0.0,
        (Fill::Tiny, _) => 1e-5 * normal,
        (Fill::TinySquare, _) => 1e-10 * normal.exp(),
        (Fill::Broken, 0) => f32::INFINITY,
        (Fill::Broken, 1) => f32::NEG_INFINITY,
        (Fill::Broken, 2) => f32::NAN,
        (Fill::Broken, 3) => -f32::NAN,
        (Fill::Broken, 4) => f32::MAX,
        (Fill::Unit, 0) => 0.0,
        (Fill::Unit, 1) => 1.0,
        (Fill::Unit, _) => rng.random(),
        (Fill::Binary, _) => f32::from(u8::from(rng.random::<bool>())),
        _ => normal,
    }
}
