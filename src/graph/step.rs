//! The values that change from step to step without a plan being compiled anew.

/// One step of a plan.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Step {
    /// Steps before this one: a word of the noise counter, and the row of the loss log.
    pub index: u32,
    /// Where the step's rows begin in the shuffled data set; also a word of the noise counter.
    pub first_row: u32,
    /// Key of the noise.
    pub seed: u64,
    /// Real numbers of the step.
    pub scalars: Scalars,
}

/// The real numbers that a step brings along; GPUs round them to f32.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scalars {
    /// Step size of the optimiser.
    pub learning_rate: f64,
}

impl Default for Scalars {
    /// A learning rate of 0.001, as in the tutorial.
    fn default() -> Self {
        Self { learning_rate: 1e-3 }
    }
}

impl Step {
    /// The step after `index` others, on the rows from `first_row` on, with default scalars.
    pub fn new(seed: u64, index: u32, first_row: u32) -> Self {
        Self { index, first_row, seed, scalars: Scalars::default() }
    }

    /// The same step with this learning rate.
    pub fn with_learning_rate(self, learning_rate: f64) -> Self {
        Self { scalars: Scalars { learning_rate }, ..self }
    }
}
