//! Values that change from step to step without recompiling a plan.

use crate::optimizer::{Optimizer, Rates};

/// One step of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Steps before this one: a word of the noise counter, and the row of the loss log.
    pub index: u32,
    /// First row of the step in the shuffled data set; also a word of the noise counter.
    pub first_row: u32,
    /// Key of the noise.
    pub seed: u64,
    /// Real numbers of the step.
    pub scalars: Scalars,
}

/// The real numbers of a step; GPUs round them to f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalars {
    /// Step size of the optimiser.
    pub learning_rate: f64,
    /// Weight of the KL divergence in the loss.
    pub kl_weight: f64,
    /// Factor of every gradient, in the updates.
    pub gradient_scale: f64,
}

impl Default for Scalars {
    /// Returns a learning rate of 0.001, the tutorial's, and a weight and a factor of 1.
    fn default() -> Self {
        Self { learning_rate: 1e-3, kl_weight: 1.0, gradient_scale: 1.0 }
    }
}

/// One of a step's real numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scalar {
    /// [`Scalars::learning_rate`].
    LearningRate,
    /// [`Scalars::kl_weight`].
    KlWeight,
}

impl Scalar {
    /// Returns the number's name in [`Scalars`] and in the shaders' `struct Step`.
    pub fn name(self) -> &'static str {
        match self {
            Self::LearningRate => "learning_rate",
            Self::KlWeight => "kl_weight",
        }
    }

    /// Returns the number's value in a step.
    pub fn of(self, step: Step) -> f64 {
        match self {
            Self::LearningRate => step.scalars.learning_rate,
            Self::KlWeight => step.scalars.kl_weight,
        }
    }
}

impl Step {
    /// Creates the step after `index` others, on the rows from `first_row` on, with default
    /// scalars.
    pub fn new(seed: u64, index: u32, first_row: u32) -> Self {
        Self { index, first_row, seed, scalars: Scalars::default() }
    }

    /// Returns the same step with this learning rate.
    pub fn with_learning_rate(self, learning_rate: f64) -> Self {
        Self { scalars: Scalars { learning_rate, ..self.scalars }, ..self }
    }

    /// Returns the same step with this weight of the KL divergence.
    pub fn with_kl_weight(self, kl_weight: f64) -> Self {
        Self { scalars: Scalars { kl_weight, ..self.scalars }, ..self }
    }

    /// Returns the same step with this factor of every gradient.
    pub fn with_gradient_scale(self, gradient_scale: f64) -> Self {
        Self { scalars: Scalars { gradient_scale, ..self.scalars }, ..self }
    }

    /// Returns the numbers of the step for an optimiser's update.
    pub fn rates(self, optimizer: Optimizer) -> Rates<f64> {
        let Scalars { learning_rate, gradient_scale, .. } = self.scalars;
        Rates {
            learning_rate,
            gradient_scale,
            corrections: optimizer.corrections(self.index),
            average_gain: optimizer.average_gain(self.index),
        }
    }
}
