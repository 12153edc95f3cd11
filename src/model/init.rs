//! Starting weights.

use super::{Architecture, Weights};
use crate::random::{generator, normals};

/// Returns the tutorial's starting weights: weights N(0, 1)·2/√fan_in, biases 0. They are the same
/// on every platform: they come from [`generator`], stream 0.
pub fn initial_weights(architecture: &Architecture, seed: u64) -> Weights {
    let mut rng = generator(seed, 0);
    let parameters = architecture.parameters();
    let values = parameters.iter().map(|parameter| {
        let shape = parameter.shape;
        if parameter.name.ends_with("bias") {
            return vec![0.0; shape.len()];
        }
        let scale = 2.0 / (shape.rows as f64).sqrt();
        normals(&mut rng).take(shape.len()).map(|draw| (draw * scale) as f32).collect()
    });
    let values = values.collect();
    Weights { architecture: architecture.clone(), values }
}
