//! The variational autoencoder: its layer sizes, its graphs, its starting weights and its file.
//! The tutorial's model: an encoder of layers with an activation, whose last, linear layer gives means and, through
//! softplus, standard deviations; a mirrored decoder that gives Bernoulli logits.

mod activation;
mod architecture;
mod file;
mod init;
mod vae;

pub use activation::Activation;
pub use architecture::{Architecture, MOST_ELEMENTS, Parameter};
pub(crate) use file::{Parameters, encode, to_bytes, to_safetensors};
pub use file::{Scale, load, load_as, save};
pub use init::initial_weights;
pub use vae::{
    DECODER_INPUT, Drawn, ENCODER_INPUT, Encoded, Evaluation, Forward, Images, LOSS_TERMS,
    decoding, encoding, evaluation, forward, likelihood, posterior_predictive, prior_predictive,
    reconstruction, training,
};

use crate::Result;
use crate::device::{Blocking, Device, Values};

/// A model's weights, apart from any device, in the order of [`Architecture::parameters`].
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The layers.
    pub architecture: Architecture,
    /// Each parameter's elements, as the graph stores them: weights `[in, out]`, biases `[1, out]`.
    pub values: Vec<Vec<f32>>,
}

impl Weights {
    /// Copies them from a session.
    ///
    /// # Errors
    /// If the session does not hold them, or the device fails.
    pub fn read(architecture: &Architecture, session: &mut dyn Blocking) -> Result<Self> {
        let values = architecture.read("", session)?;
        Ok(Self { architecture: architecture.clone(), values })
    }

    /// Copies them into a session.
    ///
    /// # Errors
    /// If the session does not hold such tensors.
    pub fn write(&self, device: &mut dyn Device) -> Result<()> {
        self.architecture.write("", &self.values, device)
    }
}

impl Architecture {
    /// Copies what a session holds for each parameter under its name behind a prefix.
    pub(crate) fn read(&self, prefix: &str, session: &mut dyn Blocking) -> Result<Vec<Vec<f32>>> {
        let read = |Parameter { name, .. }| session.read_f32(&format!("{prefix}{name}"));
        self.parameters().into_iter().map(read).collect()
    }

    /// The other way.
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
