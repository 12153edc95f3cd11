//! Layer sizes, and the parameters that follow from them.

use super::{Activation, BERNOULLI, GAUSSIAN, Likelihood, Scale};
use crate::function::LEAST_STDDEV;
use crate::graph::{Graph, MOST_ELEMENTS, Shape, TensorId};
use crate::near::perhaps;
use crate::{Error, Result};

/// The layers, by default with ReLU between them. `hidden` ends with the number of latent units; the
/// decoder mirrors the encoder by default.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    input: usize,
    hidden: Vec<usize>,
    /// The widths between the latents and the decoder's output.
    decoder: Vec<usize>,
    activation: Activation,
    scale: Scale,
    likelihood: &'static Likelihood,
    /// The standard deviation of every pixel, if the decoder does not compute it.
    pixel_stddev: Option<f64>,
    /// The names of the labels that encoder and decoder are given; none if they are given none.
    labels: Vec<String>,
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
        let hidden = hidden_layer_sizes.to_vec();
        let decoder = mirrored(&hidden);
        let (activation, scale) = Default::default();
        let (likelihood, pixel_stddev, labels) = (&BERNOULLI, None, Vec::new());
        Self { input, hidden, decoder, activation, scale, likelihood, pixel_stddev, labels }
            .fitting("hidden")
    }

    /// Returns the same layers with others between the latents and the decoder's output, from the
    /// latents on.
    ///
    /// # Errors
    /// [`Error::Setting`] if a layer is empty, or a weight would have more elements than
    /// [`MOST_ELEMENTS`].
    pub fn with_decoder(self, layer_sizes: &[usize]) -> Result<Self> {
        if layer_sizes.contains(&0) {
            return Err(Error::Setting {
                setting: "decoder",
                expected: "layer sizes of at least 1 each".to_owned(),
                found: format!("{layer_sizes:?}"),
            });
        }
        Self { decoder: layer_sizes.to_vec(), ..self }.fitting("decoder")
    }

    /// Returns the same layers with another activation between them.
    ///
    /// # Errors
    /// [`Error::Setting`] if a weight would have more elements than [`MOST_ELEMENTS`].
    pub fn with_activation(self, activation: Activation) -> Result<Self> {
        Self { activation, ..self }.fitting("hidden")
    }

    /// Returns the same layers with another function to the standard deviations.
    pub fn with_scale(self, scale: Scale) -> Self {
        Self { scale, ..self }
    }

    /// Returns the same layers for another distribution of pixels, whose parameters are the decoder's
    /// output.
    ///
    /// # Errors
    /// [`Error::Setting`] if the last weight would have more elements than [`MOST_ELEMENTS`].
    pub fn with_likelihood(self, likelihood: &'static Likelihood) -> Result<Self> {
        Self { likelihood, pixel_stddev: None, ..self }.fitting("hidden")
    }

    /// Returns the same layers for pixels of a normal distribution with this standard deviation, of which
    /// the decoder computes only the means; with none, it computes both.
    ///
    /// # Errors
    /// [`Error::Setting`] if the pixels have another distribution, or the number is not above 0.01.
    pub fn with_pixel_stddev(self, pixel_stddev: Option<f64>) -> Result<Self> {
        let Some(stddev) = pixel_stddev else { return Ok(self) };
        let wrong = |expected: &str, found: String| {
            let (setting, expected) = ("pixel_stddev", expected.to_owned());
            Err(Error::Setting { setting, expected, found })
        };
        if *self.likelihood != GAUSSIAN {
            return wrong("likelihood = gaussian", self.likelihood.name.to_owned());
        }
        if !(stddev > LEAST_STDDEV && (stddev as f32).is_finite()) {
            return wrong("a number above 0.01", stddev.to_string());
        }
        Ok(Self { pixel_stddev, ..self })
    }

    /// Returns the same layers for images with labels of these names, in this order (Sohn, Lee and Yan,
    /// "Learning Structured Output Representation using Deep Conditional Generative Models", 2015): the
    /// first layers of encoder and decoder have one more input for each, which is 1 for the image's own
    /// label and else 0. Without names, the layers are those of a model without labels.
    ///
    /// # Errors
    /// [`Error::Setting`] if a name occurs twice, or a weight would have more elements than
    /// [`MOST_ELEMENTS`].
    pub fn with_labels(self, names: Vec<String>) -> Result<Self> {
        let mut sorted: Vec<_> = names.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::Setting {
                setting: "labels",
                expected: "names that differ".to_owned(),
                found: format!("{} twice", pair[0]),
            });
        }
        Self { labels: names, ..self }.fitting("labels")
    }

    /// Checks the sizes of all weights.
    fn fitting(self, setting: &'static str) -> Result<Self> {
        let fits = |layer: &Layer| {
            let columns = layer.width.checked_mul(layer.parts)?;
            layer.inputs.checked_mul(columns).filter(|&count| count <= MOST_ELEMENTS)
        };
        let [encoder, decoder] = [self.encoder(), self.decoder()];
        match encoder.iter().chain(&decoder).find(|layer| fits(layer).is_none()) {
            None => Ok(self),
            Some(Layer { inputs, width, parts }) => Err(Error::Setting {
                setting,
                expected: format!("layers with at most {MOST_ELEMENTS} weights each"),
                found: match parts {
                    1 => format!("{inputs} by {width}"),
                    parts => format!("{inputs} by {parts} times {width}"),
                },
            }),
        }
    }

    /// Returns the function to the standard deviations.
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Returns the distribution of a pixel.
    pub fn likelihood(&self) -> &'static Likelihood {
        self.likelihood
    }

    /// Returns the standard deviation of every pixel, if the decoder does not compute it.
    pub fn pixel_stddev(&self) -> Option<f64> {
        self.pixel_stddev
    }

    /// Returns the number of the decoder's outputs for a pixel.
    pub fn outputs_per_pixel(&self) -> usize {
        self.likelihood.parameters() - usize::from(self.pixel_stddev.is_some())
    }

    /// Appends the parameters of the pixels' distributions, given the decoder's outputs: `[batch, pixels]`
    /// each, or `[1, 1]` for the same one everywhere.
    pub(super) fn pixel_parameters(
        &self,
        graph: &mut Graph,
        decoded: TensorId,
    ) -> Result<Vec<TensorId>> {
        let mut parameters = graph.split(decoded, self.outputs_per_pixel())?;
        if let Some(stddev) = self.pixel_stddev {
            // The inverse of softplus.
            let beyond = stddev - LEAST_STDDEV;
            let s = beyond + (-(-beyond).exp_m1()).ln();
            parameters.push(graph.constant(s, Shape::new(1, 1)));
        }
        Ok(parameters)
    }

    /// Returns the function between layers.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// Returns the names of the labels that encoder and decoder are given; none for a model without
    /// labels.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Returns the place of a label among [`labels`](Self::labels).
    ///
    /// # Errors
    /// [`Error::Setting`] if the model has no label of this name, or no labels.
    pub fn label(&self, name: &str) -> Result<usize> {
        let wrong = |expected, found| Err(Error::Setting { setting: "label", expected, found });
        if self.labels.is_empty() {
            let expected = "a model that was trained with labels".to_owned();
            return wrong(expected, format!("{self}, without labels"));
        }
        match self.labels.iter().position(|label| label == name) {
            Some(place) => Ok(place),
            None => {
                let meant = perhaps(name, self.labels.iter().map(String::as_str));
                let meant = meant.map_or(String::new(), |meant| format!(", {meant}"));
                let expected = format!("a label of the model: {}", self.labels.join(", "));
                wrong(expected, format!("\"{name}\"{meant}"))
            }
        }
    }

    /// Returns the labels of `count` images that are divided evenly among all labels, in their order: for
    /// each image, a place among [`labels`](Self::labels).
    pub fn labels_in_turn(&self, count: usize) -> Vec<usize> {
        (0..count).map(|image| image * self.labels.len() / count).collect()
    }

    /// Returns the inputs of the encoder: the pixels of an image, then one for each label.
    pub fn encoder_inputs(&self) -> usize {
        self.input.saturating_add(self.labels.len())
    }

    /// Returns the inputs of the decoder: the latent units, then one for each label.
    pub fn decoder_inputs(&self) -> usize {
        self.latent().saturating_add(self.labels.len())
    }

    /// Returns the largest number of images for which no tensor of a step has more than
    /// [`MOST_ELEMENTS`].
    pub fn most_images(&self) -> usize {
        let layers = [self.encoder(), self.decoder()].concat();
        let widths = layers.iter().flat_map(|layer| [layer.inputs, layer.columns()]);
        MOST_ELEMENTS / widths.max().unwrap_or(1)
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

    /// Returns the widths between the latents and the decoder's output.
    pub fn decoder_hidden(&self) -> &[usize] {
        &self.decoder
    }

    /// Whether the decoder's layers are the encoder's in reverse.
    pub fn is_mirrored(&self) -> bool {
        self.decoder == mirrored(&self.hidden)
    }

    /// Returns the layers from the image, and its label, to the encoder's output, which has a mean and a standard
    /// deviation for each latent unit.
    pub fn encoder(&self) -> Vec<Layer> {
        let inner = &self.hidden[..self.hidden.len() - 1];
        self.layers(&[&[self.encoder_inputs()], inner, &[self.latent()]].concat(), 2)
    }

    /// Returns the layers from the latents, and a label, to the parameters of the pixels' distributions.
    pub fn decoder(&self) -> Vec<Layer> {
        let widths = [&[self.decoder_inputs()], &self.decoder[..], &[self.input]].concat();
        self.layers(&widths, self.outputs_per_pixel())
    }

    /// Returns the layers between these widths; `parts` is that of the last.
    fn layers(&self, widths: &[usize], parts: usize) -> Vec<Layer> {
        let last = widths.len() - 2;
        let layer = |(index, pair): (usize, &[usize])| {
            let parts = if index == last { parts } else { self.activation.operands() };
            Layer { inputs: pair[0], width: pair[1], parts }
        };
        widths.windows(2).enumerate().map(layer).collect()
    }

    /// Returns every parameter: the encoder's, then the decoder's, layer by layer, weight before
    /// bias.
    pub fn parameters(&self) -> Vec<Parameter> {
        let network = |network: &str, layers: Vec<Layer>| -> Vec<Parameter> {
            let parameters = layers.iter().enumerate().flat_map(|(index, layer)| {
                let name = |part| format!("{network}.{}.{part}", 2 * index);
                [("weight", layer.inputs), ("bias", 1)].map(|(part, rows)| Parameter {
                    name: name(part),
                    shape: Shape::new(rows, layer.columns()),
                })
            });
            parameters.collect()
        };
        [network("encoder", self.encoder()), network("decoder", self.decoder())].concat()
    }
}

/// Returns the widths of a decoder that mirrors an encoder.
fn mirrored(hidden: &[usize]) -> Vec<usize> {
    hidden[..hidden.len() - 1].iter().rev().copied().collect()
}

/// A linear layer with a bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its inputs.
    pub inputs: usize,
    /// Outputs of each part.
    pub width: usize,
    /// Parts of its outputs: the operands of the activation after it, mean and standard deviation of
    /// each latent unit, or the parameters of each pixel.
    pub parts: usize,
}

impl Layer {
    /// Returns the outputs of all parts.
    pub fn columns(&self) -> usize {
        self.parts * self.width
    }
}

impl std::fmt::Display for Architecture {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}-{:?}", self.input, self.hidden)?;
        if !self.is_mirrored() {
            write!(f, "-{:?}", self.decoder)?;
        }
        let stddev = self.pixel_stddev.map(|stddev| format!(" (stddev {stddev})"));
        let labels = match self.labels.len() {
            1 => "1 label".to_owned(),
            count => format!("{count} labels"),
        };
        let others = [
            Some(self.activation.to_string()).filter(|_| self.activation != Activation::default()),
            Some(self.scale.to_string()).filter(|_| self.scale != Scale::default()),
            Some(format!("{}{}", self.likelihood.name, stddev.unwrap_or_default()))
                .filter(|_| *self.likelihood != BERNOULLI),
            Some(labels).filter(|_| !self.labels.is_empty()),
        ];
        let others: Vec<_> = others.into_iter().flatten().collect();
        if others.is_empty() {
            return Ok(());
        }
        write!(f, " with {}", others.join(" and "))
    }
}
