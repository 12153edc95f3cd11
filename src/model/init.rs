//! Starting weights.

use super::{Architecture, Weights};
use crate::random::{generator, normals};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};

/// The distribution of starting weights. Biases start at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Init {
    /// N(0, 1)·2/√inputs, the tutorial's.
    #[default]
    Tutorial,
    /// N(0, 1)·√(2/inputs) (He, Zhang, Ren and Sun, "Delving Deep into Rectifiers", 2015).
    He,
    /// Uniform from −b to b with b = √(6/(inputs + outputs)) (Glorot and Bengio, "Understanding the
    /// difficulty of training deep feedforward neural networks", 2010); the parts of a layer count
    /// as layers of their own.
    Glorot,
}

impl Init {
    /// Every distribution.
    pub const ALL: [Self; 3] = [Self::Tutorial, Self::He, Self::Glorot];

    /// Returns the name in files and of `--init`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tutorial => "tutorial",
            Self::He => "he",
            Self::Glorot => "glorot",
        }
    }

    /// Returns starting weights. They are the same on every platform: they come from [`generator`],
    /// stream 0.
    pub fn weights(self, architecture: &Architecture, seed: u64) -> Weights {
        let mut rng = generator(seed, 0);
        let layers = [architecture.encoder(), architecture.decoder()].concat();
        let values = layers.into_iter().flat_map(|layer| {
            let count = layer.inputs * layer.columns();
            let weight = match self {
                Self::Glorot => {
                    let bound = (6.0 / (layer.inputs + layer.width) as f64).sqrt();
                    let draw = |_| ((2.0 * rng.random::<f64>() - 1.0) * bound) as f32;
                    (0..count).map(draw).collect()
                }
                Self::Tutorial | Self::He => {
                    let inputs = layer.inputs as f64;
                    let is_tutorial = self == Self::Tutorial;
                    let scale =
                        if is_tutorial { 2.0 / inputs.sqrt() } else { (2.0 / inputs).sqrt() };
                    normals(&mut rng).take(count).map(|draw| (draw * scale) as f32).collect()
                }
            };
            [weight, vec![0.0; layer.columns()]]
        });
        let values = values.collect();
        Weights { architecture: architecture.clone(), values }
    }
}

/// Returns the tutorial's starting weights: those of [`Init::Tutorial`].
pub fn initial_weights(architecture: &Architecture, seed: u64) -> Weights {
    Init::Tutorial.weights(architecture, seed)
}

/// Pixels' means are kept this far from 0 and 1, as by Burda and others (2016).
const MARGIN: f64 = 1e-3;

impl Weights {
    /// Returns the same weights with an output bias for which a decoder of weights 0 has this mean
    /// image: the logits of the pixels' means, for a Bernoulli likelihood.
    pub fn with_mean(mut self, image: &[f64]) -> Self {
        let of_mean = self.architecture.likelihood().of_mean;
        if let Some(bias) = self.values.last_mut() {
            for (bias, mean) in bias.iter_mut().zip(image) {
                *bias = of_mean(mean.clamp(MARGIN, 1.0 - MARGIN)) as f32;
            }
        }
        self
    }
}

impl Display for Init {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
