//! Starting weights.

use super::{Architecture, Weights};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// The tutorial's: weights N(0, 1)·2/√fan_in, biases 0. The generator is ChaCha8, seeded with
/// `seed`, stream 0; `rand_distr`'s ziggurat makes normal numbers of it. About one in a hundred
/// needs the platform's exp or ln, whose last bit f32 nearly always rounds away: but for that, the
/// weights are the same everywhere.
pub fn initial_weights(architecture: &Architecture, seed: u64) -> Weights {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let parameters = architecture.parameters();
    let values = parameters.iter().map(|parameter| {
        let shape = parameter.shape;
        if parameter.name.ends_with("bias") {
            return vec![0.0; shape.len()];
        }
        let scale = 2.0 / (shape.rows as f64).sqrt();
        let mut draw = || -> f64 { StandardNormal.sample(&mut rng) };
        (0..shape.len()).map(|_| (draw() * scale) as f32).collect()
    });
    let values = values.collect();
    Weights { architecture: architecture.clone(), values }
}
