//! Layer sizes, and the parameters that follow from them.

use crate::graph::Shape;
use crate::{Error, Result};

/// Sizes of the layers: `hidden` ends with the number of latent units, and the decoder mirrors the
/// encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    input: usize,
    hidden: Vec<usize>,
}

/// A weight or bias, by the name that PyTorch gives it in `nn.Sequential(Linear, ReLU, Linear)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// `encoder.0.weight`, `encoder.0.bias`, `encoder.2.weight`, …
    pub name: String,
    /// `[in, out]` for a weight, `[1, out]` for a bias.
    pub shape: Shape,
}

impl Architecture {
    /// Images of `input` pixels; `hidden_layer_sizes` as in the tutorial.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no layer, or an empty one.
    pub fn new(input: usize, hidden_layer_sizes: &[usize]) -> Result<Self> {
        if hidden_layer_sizes.is_empty() || hidden_layer_sizes.contains(&0) || input == 0 {
            return Err(Error::Setting {
                setting: "--hidden",
                expected: "at least one layer size, each at least 1; the last is the latent size"
                    .to_owned(),
                found: format!("{hidden_layer_sizes:?} for images of {input} pixels"),
            });
        }
        Ok(Self { input, hidden: hidden_layer_sizes.to_vec() })
    }

    /// Pixels of an image.
    pub fn input(&self) -> usize {
        self.input
    }

    /// The tutorial's `hidden_layer_sizes`.
    pub fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    /// Number of latent units.
    pub fn latent(&self) -> usize {
        self.hidden[self.hidden.len() - 1]
    }

    /// Widths from the image to the encoder's output, which has a mean and a standard deviation for
    /// each latent unit.
    pub fn encoder(&self) -> Vec<usize> {
        let inner = &self.hidden[..self.hidden.len() - 1];
        [&[self.input], inner, &[2 * self.latent()]].concat()
    }

    /// Widths from the latents to the logits.
    pub fn decoder(&self) -> Vec<usize> {
        let mut widths: Vec<_> = self.hidden.iter().rev().copied().collect();
        widths.push(self.input);
        widths
    }

    /// Every parameter: the encoder's, then the decoder's, layer by layer, weight before bias.
    pub fn parameters(&self) -> Vec<Parameter> {
        let network = |network: &str, widths: Vec<usize>| -> Vec<Parameter> {
            let layers = widths.windows(2).enumerate();
            let parameters = layers.flat_map(|(layer, widths)| {
                let name = |part| format!("{network}.{}.{part}", 2 * layer);
                [("weight", widths[0]), ("bias", 1)].map(|(part, rows)| Parameter {
                    name: name(part),
                    shape: Shape::new(rows, widths[1]),
                })
            });
            parameters.collect()
        };
        [network("encoder", self.encoder()), network("decoder", self.decoder())].concat()
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}-{:?}", self.input, self.hidden)
    }
}
