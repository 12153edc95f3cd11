//! Layer sizes, and the parameters that follow from them.

use super::{Activation, BERNOULLI, Likelihood};
use crate::graph::{MOST_ELEMENTS, Shape};
use crate::{Error, Result};

/// The layers, by default with ReLU between them: `hidden` ends with the number of latent units,
/// and the decoder mirrors the encoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Architecture {
    input: usize,
    hidden: Vec<usize>,
    activation: Activation,
    likelihood: &'static Likelihood,
}

/// A weight or bias, named as PyTorch names it in `nn.Sequential(Linear, ReLU, Linear)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// `encoder.0.weight`, `encoder.0.bias`, `encoder.2.weight`, …
    pub name: String,
    /// `[in, out]` for a weight, `[1, out]` for a bias.
    pub shape: Shape,
}

impl Architecture {
    /// Creates the layers for images of `input` pixels; `hidden_layer_sizes` as in the tutorial.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no layer, one is empty, or a weight would have more elements
    /// than [`MOST_ELEMENTS`].
    pub fn new(input: usize, hidden_layer_sizes: &[usize]) -> Result<Self> {
        let wrong = |setting, expected: &str, found: String| {
            Err(Error::Setting { setting, expected: expected.to_owned(), found })
        };
        if hidden_layer_sizes.is_empty() || hidden_layer_sizes.contains(&0) {
            let expected = "at least one layer size, each at least 1; the last is the latent size";
            return wrong("hidden", expected, format!("{hidden_layer_sizes:?}"));
        }
        if !(1..=MOST_ELEMENTS).contains(&input) {
            let expected = format!("images of 1 to {MOST_ELEMENTS} pixels");
            return wrong("input", &expected, input.to_string());
        }
        // The encoder's output is twice as wide as the latents, so the limit for them is half.
        let sizes = [&[input], hidden_layer_sizes].concat();
        let fits = |pair: &[usize]| {
            let double = pair[1].checked_mul(2)?;
            pair[0].checked_mul(double).filter(|&count| count <= MOST_ELEMENTS)
        };
        if !sizes.windows(2).all(|pair| fits(pair).is_some()) {
            let expected = format!("layers with at most {} weights", MOST_ELEMENTS / 2);
            let found = format!("{hidden_layer_sizes:?} for images of {input} pixels");
            return wrong("hidden", &expected, found);
        }
        let (hidden, activation) = (hidden_layer_sizes.to_vec(), Activation::default());
        Ok(Self { input, hidden, activation, likelihood: &BERNOULLI })
    }

    /// Returns the same layers with another activation between them.
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// Returns the same layers for another distribution of pixels, whose parameters are the decoder's
    /// output.
    ///
    /// # Errors
    /// [`Error::Setting`] if the last weight would have more elements than [`MOST_ELEMENTS`].
    pub fn with_likelihood(self, likelihood: &'static Likelihood) -> Result<Self> {
        let architecture = Self { likelihood, ..self };
        let widths = architecture.decoder();
        let last = &widths[widths.len() - 2..];
        if last[0].saturating_mul(last[1]) <= MOST_ELEMENTS {
            return Ok(architecture);
        }
        Err(Error::Setting {
            setting: "hidden",
            expected: format!("layers with at most {MOST_ELEMENTS} weights"),
            found: format!("{} by {}", last[0], last[1]),
        })
    }

    /// Returns the distribution of a pixel.
    pub fn likelihood(&self) -> &'static Likelihood {
        self.likelihood
    }

    /// Returns the function between layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Returns the largest number of images for which no tensor of a step has more than
    /// [`MOST_ELEMENTS`].
    pub fn most_images(&self) -> usize {
        MOST_ELEMENTS / self.encoder().into_iter().chain(self.decoder()).max().unwrap_or(1)
    }

    /// Checks that a step on this many images has no tensor of more than [`MOST_ELEMENTS`].
    ///
    /// # Errors
    /// [`Error::Setting`] if one has, or if there are no images.
    pub fn check_batch(&self, batch: usize) -> Result<()> {
        let most = self.most_images();
        if (1..=most).contains(&batch) {
            return Ok(());
        }
        let expected = format!("1 to {most} images");
        Err(Error::Setting { setting: "batch", expected, found: batch.to_string() })
    }

    /// Returns the pixels of an image.
    pub fn input(&self) -> usize {
        self.input
    }

    /// Returns the tutorial's `hidden_layer_sizes`.
    pub fn hidden(&self) -> &[usize] {
        &self.hidden
    }

    /// Returns the number of latent units.
    pub fn latent(&self) -> usize {
        self.hidden[self.hidden.len() - 1]
    }

    /// Returns the widths from the image to the encoder's output, which has a mean and a standard
    /// deviation for each latent unit.
    pub fn encoder(&self) -> Vec<usize> {
        let inner = &self.hidden[..self.hidden.len() - 1];
        [&[self.input], inner, &[2 * self.latent()]].concat()
    }

    /// Returns the widths from the latents to the logits.
    pub fn decoder(&self) -> Vec<usize> {
        let mut widths: Vec<_> = self.hidden.iter().rev().copied().collect();
        widths.push(self.input * self.likelihood.parameters());
        widths
    }

    /// Returns every parameter: the encoder's, then the decoder's, layer by layer, weight before
    /// bias.
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
        write!(f, "{}-{:?}", self.input, self.hidden)?;
        let activation = self.activation.to_string();
        let others = [
            Some(activation.as_str()).filter(|_| self.activation != Activation::default()),
            Some(self.likelihood.name).filter(|_| *self.likelihood != BERNOULLI),
        ];
        let others: Vec<_> = others.into_iter().flatten().collect();
        if others.is_empty() {
            return Ok(());
        }
        write!(f, " with {}", others.join(" and "))
    }
}
