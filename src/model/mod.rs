//! The variational autoencoder: its layer sizes, its graphs, its starting weights and its file.
//! The tutorial's model: an encoder of layers with an activation, whose last, linear layer gives means and, through
//! softplus, standard deviations; a mirrored decoder that gives Bernoulli logits.

mod activation;
mod architecture;
mod file;
mod init;
mod likelihood;
mod objective;
mod scale;
mod vae;

pub use activation::Activation;
pub use architecture::{Architecture, Layer, Parameter};
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub(crate) use file::to_safetensors;
pub(crate) use file::{Parameters, encode, to_bytes};
pub use file::{load, load_as, save};
pub use init::{Init, initial_weights};
pub use likelihood::{BERNOULLI, CONTINUOUS_BERNOULLI, GAUSSIAN, LIKELIHOODS, Likelihood};
pub use objective::{Bound, LOSS_TERMS, Objective, Training, gradient_squares, training};
pub use scale::Scale;
pub use vae::{
    DECODER_INPUT, DECODER_LABELS, Drawn, ENCODER_INPUT, Encoded, Evaluation, Forward, Images,
    Observed, decoding, encoding, evaluation, forward, likelihood, posterior_predictive,
    prior_predictive, reconstruction,
};

use crate::Result;
use crate::device::{Blocking, Device, Values};
use crate::optimizer::Optimizer;

/// A model's weights, apart from any device, in the order of [`Architecture::parameters`].
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The layers.
    pub architecture: Architecture,
    /// Each parameter's elements, as the graph stores them: weights `[in, out]`, biases `[1, out]`.
    pub values: Vec<Vec<f32>>,
}

/// Values of an optimiser's states: for each state, the elements for each parameter, in the same
/// order.
pub type States = Vec<Vec<Vec<f32>>>;

impl Weights {
    /// Copies the weights from a session.
    ///
    /// # Errors
    /// If the session does not hold them, or the device fails.
    pub fn read(architecture: &Architecture, session: &mut dyn Blocking) -> Result<Self> {
        let values = architecture.read("", session)?;
        Ok(Self { architecture: architecture.clone(), values })
    }

    /// Copies the weights into a session.
    ///
    /// # Errors
    /// If the session does not hold such tensors.
    pub fn write(&self, device: &mut dyn Device) -> Result<()> {
        self.architecture.write("", &self.values, device)
    }
}

impl Architecture {
    /// Copies a session's values for each parameter, under its name after a prefix.
    pub(crate) fn read(&self, prefix: &str, session: &mut dyn Blocking) -> Result<Vec<Vec<f32>>> {
        let read = |Parameter { name, .. }| session.read_f32(&format!("{prefix}{name}"));
        self.parameters().into_iter().map(read).collect()
    }

    /// Reads an optimiser's states of every parameter.
    pub(crate) fn read_states(
        &self,
        optimizer: Optimizer,
        session: &mut dyn Blocking,
    ) -> Result<States> {
        optimizer.states().map(|(state, _)| self.read(state.prefix, session)).collect()
    }

    /// Returns the states before the first step.
    pub(crate) fn starting_states(&self, optimizer: Optimizer) -> States {
        let all = |value: f64| {
            let parameters = self.parameters().into_iter();
            parameters.map(|parameter| vec![value as f32; parameter.shape.len()]).collect()
        };
        optimizer.states().map(|(_, start)| all(start)).collect()
    }

    /// Copies an optimiser's states into a session.
    pub(crate) fn write_states(
        &self,
        optimizer: Optimizer,
        states: &States,
        device: &mut dyn Device,
    ) -> Result<()> {
        let mut all = optimizer.states().zip(states);
        all.try_for_each(|((state, _), values)| self.write(state.prefix, values, device))
    }

    /// Copies values for every parameter into a session, under its name after a prefix.
    pub(crate) fn write(
        &self,
        prefix: &str,
        values: &[Vec<f32>],
        device: &mut dyn Device,
    ) -> Result<()> {
        self.parameters().iter().zip(values).try_for_each(|(Parameter { name, .. }, values)| {
            device.write(&format!("{prefix}{name}"), Values::F32(values))
        })
    }
}
