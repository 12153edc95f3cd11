//! The graphs of the model.

use super::{Architecture, Layer, Objective, Parameter, Training, gradient_squares, training};
use crate::Result;
use crate::function::GAUSSIAN_KL;
use crate::graph::{
    Binarize, Element, FusionOptions, Graph, Pixels, Plan, Shape, Stream, TensorId, fuse,
};

/// The tensors of the forward pass.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    /// Posterior means `[batch, latent]`.
    pub mean: TensorId,
    /// Posterior standard deviations `[batch, latent]`.
    pub stddev: TensorId,
    /// Mean and standard deviation of each sample `[batch·samples, latent]`.
    pub of_samples: [TensorId; 2],
    /// The noise `[batch·samples, latent]`.
    pub eps: TensorId,
    /// Samples of the posterior `[batch·samples, latent]`, those of an image in successive rows.
    pub z: TensorId,
    /// The decoder's output `[batch·samples, parameters·input]`: logits for Bernoulli pixels.
    pub logits: TensorId,
    /// `[batch·samples, 1]`.
    pub log_likelihood: TensorId,
    /// `[batch, 1]`.
    pub kl: TensorId,
}

/// The input of the model: images, and their labels if the model has labels.
#[derive(Clone, Copy, Debug)]
pub struct Observed {
    /// Images `[batch, input]`.
    pub x: TensorId,
    /// Rows with 1 in the column of the image's label, else 0 `[batch, labels]`.
    pub labels: Option<TensorId>,
}

impl From<TensorId> for Observed {
    /// Returns images without labels.
    fn from(x: TensorId) -> Self {
        Self { x, labels: None }
    }
}

/// A set of images that a plan reads: tensors `{name}.images` `[count, input]`, u8 or u32 by
/// `pixels`, and `{name}.indices` u32 `[count, 1]`, which give the order. For a model with labels also
/// `{name}.labels` u32 `[count, 1]`: the place of each image's label among
/// [`Architecture::labels`].
#[derive(Clone, Copy, Debug)]
pub struct Images<'a> {
    /// Prefix of the tensors' names.
    pub name: &'a str,
    /// Number of images.
    pub count: usize,
    /// Images of one step.
    pub batch: usize,
    /// Type of the pixels.
    pub pixels: Pixels,
    /// Conversion of grey pixels.
    pub binarize: Binarize,
}

impl Images<'_> {
    fn gather(&self, graph: &mut Graph, architecture: &Architecture) -> Result<Observed> {
        let shape = Shape::new(self.count, architecture.input());
        let images = graph.data(&format!("{}.images", self.name), shape, self.pixels.element());
        let shape = Shape::new(self.count, 1);
        let indices = graph.data(&format!("{}.indices", self.name), shape, Element::U32);
        let x = graph.gather_batch(images, indices, self.batch, self.binarize)?;
        graph.rename(x, "x");
        let classes = architecture.labels().len();
        if classes == 0 {
            return Ok(x.into());
        }
        let labels = graph.data(&format!("{}.labels", self.name), shape, Element::U32);
        let labels = graph.one_hot(labels, indices, self.batch, classes)?; // [batch, labels]
        Ok(Observed { x, labels: Some(graph.rename(labels, "labels")) })
    }

    fn noise(&self, graph: &mut Graph, shape: [usize; 2], stream: Stream) -> Result<TensorId> {
        let [samples, latent] = shape;
        let eps = graph.normal(Shape::new(self.batch * samples, latent), stream)?;
        Ok(graph.rename(eps, "eps"))
    }
}

/// Appends the model: x `[batch, input]`, eps `[batch·samples, latent]`.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if x, its labels or eps do not fit the architecture.
pub fn forward(
    graph: &mut Graph,
    architecture: &Architecture,
    observed: impl Into<Observed>,
    eps: TensorId,
) -> Result<Forward> {
    let Observed { x, labels } = observed.into();
    let labelled = beside(graph, x, labels)?;
    let (mean, stddev) = encode(graph, architecture, labelled)?;
    let kl = graph.gaussian_kl(mean, stddev)?;
    let samples = graph.tensor(eps).shape.rows / graph.tensor(x).shape.rows;
    let mut repeat = |tensor| match samples {
        0 | 1 => Ok(tensor),
        _ => graph.repeat_rows(tensor, samples),
    };
    let (of_samples, of_pixels) = ([repeat(mean)?, repeat(stddev)?], repeat(x)?);
    let labels = labels.map(repeat).transpose()?;
    let z = graph.reparameterize(of_samples[0], of_samples[1], eps)?;
    graph.rename(z, "z");
    let logits = decode(graph, architecture, z, labels)?;
    let log_likelihood = log_likelihood(graph, architecture, logits, of_pixels)?;
    graph.rename(log_likelihood, "log_likelihood");
    graph.rename(kl, "kl");
    Ok(Forward { mean, stddev, of_samples, eps, z, logits, log_likelihood, kl })
}

/// Appends x `[rows, columns]` beside labels `[rows, labels]`, if there are labels.
fn beside(graph: &mut Graph, x: TensorId, labels: Option<TensorId>) -> Result<TensorId> {
    let Some(labels) = labels else { return Ok(x) };
    let name = format!("{}.labelled", graph.tensor(x).name);
    let labelled = graph.concatenate(x, labels)?;
    Ok(graph.rename(labelled, name))
}

/// Appends the images and the labels of labelled images `[batch, encoder_inputs]`.
fn observed(
    graph: &mut Graph,
    architecture: &Architecture,
    labelled: TensorId,
) -> Result<Observed> {
    if architecture.labels().is_empty() {
        return Ok(labelled.into());
    }
    let (x, labels) = graph.split_columns(labelled, architecture.input())?;
    Ok(Observed { x, labels: Some(labels) })
}

/// Adds the labels [`DECODER_LABELS`] of `batch` latents, if the model has labels.
fn given_labels(graph: &mut Graph, architecture: &Architecture, batch: usize) -> Option<TensorId> {
    let shape = Shape::new(batch, architecture.labels().len());
    (shape.columns > 0).then(|| graph.data(DECODER_LABELS, shape, Element::F32))
}

/// Appends the encoder: x `[batch, encoder_inputs]`.
fn encode(
    graph: &mut Graph,
    architecture: &Architecture,
    x: TensorId,
) -> Result<(TensorId, TensorId)> {
    let encoded = network(graph, "encoder", architecture, &architecture.encoder(), x)?; // [batch, 2·latent]
    let (mean, s) = graph.split_columns(encoded, architecture.latent())?;
    let stddev = architecture.scale().stddev(graph, s)?;
    graph.rename(mean, "mean");
    graph.rename(s, "s");
    Ok((mean, graph.rename(stddev, "stddev")))
}

/// Appends the decoder: z `[batch, latent]`, labels `[batch, labels]`.
fn decode(
    graph: &mut Graph,
    architecture: &Architecture,
    z: TensorId,
    labels: Option<TensorId>,
) -> Result<TensorId> {
    let z = beside(graph, z, labels)?;
    let logits = network(graph, "decoder", architecture, &architecture.decoder(), z)?; // [batch, input]
    Ok(graph.rename(logits, "logits"))
}

/// Appends ln p(x) of each row, given the decoder's output.
fn log_likelihood(
    graph: &mut Graph,
    architecture: &Architecture,
    decoded: TensorId,
    x: TensorId,
) -> Result<TensorId> {
    let parameters = architecture.pixel_parameters(graph, decoded)?;
    architecture.likelihood().log_likelihood(graph, &parameters, x)
}

/// Appends linear layers with the activation between them. x `[batch, layers[0].inputs]`.
fn network(
    graph: &mut Graph,
    name: &str,
    architecture: &Architecture,
    layers: &[Layer],
    mut x: TensorId,
) -> Result<TensorId> {
    let activation = architecture.activation();
    for (index, layer) in layers.iter().enumerate() {
        let label = format!("{name}.{}", 2 * index);
        let shape = Shape::new(layer.inputs, layer.columns());
        let weight = graph.parameter(&format!("{label}.weight"), shape);
        let bias = graph.parameter(&format!("{label}.bias"), Shape::new(1, layer.columns()));
        x = graph.matmul(x, weight)?; // [batch, columns]
        x = graph.rename(x, format!("{label}.product"));
        x = graph.bias(x, bias)?;
        x = graph.rename(x, label);
        if index + 1 < layers.len() {
            let operands = graph.split(x, activation.operands())?;
            x = graph.map(activation.function(), &operands)?; // [batch, width]
            graph.rename(x, format!("{name}.h{}", index + 1));
        }
    }
    Ok(x)
}

/// Compiles a graph into a plan, with ops fused or not.
fn plan(graph: Graph, outputs: &[TensorId], fused: bool) -> Plan {
    let options = FusionOptions::default();
    Plan::new(if fused { fuse(&graph, outputs, options) } else { graph }, outputs)
}

impl Architecture {
    /// Returns the plan of a training step on these images, with ops fused or not.
    ///
    /// # Errors
    /// [`Setting`](crate::Error::Setting) if there are no images, or too many for one step; the errors
    /// of [`Objective::check`](super::Objective::check).
    pub fn training_plan(&self, images: Images, step: Training, fused: bool) -> Result<Plan> {
        let Training { objective, .. } = step;
        objective.check()?;
        self.check_batch(images.batch.saturating_mul(objective.samples))?;
        let mut graph = Graph::new();
        let x = images.gather(&mut graph, self)?;
        let shape = [objective.samples, self.latent()];
        let eps = images.noise(&mut graph, shape, Stream::Latent)?;
        let pass = forward(&mut graph, self, x, eps)?;
        training(&mut graph, &pass, step)?;
        Ok(plan(graph, &[], fused))
    }

    /// Returns the plan of the sum `[1, 1]` of the squares of the gradients of a training step's loss, on
    /// the rows of [`ENCODER_INPUT`] `[batch, encoder_inputs]`, with the noise of the step.
    ///
    /// # Errors
    /// The errors of [`training_plan`](Self::training_plan).
    pub fn gradient_plan(&self, batch: usize, objective: Objective) -> Result<(Plan, TensorId)> {
        self.check_batch(batch.saturating_mul(objective.samples))?;
        let mut graph = Graph::new();
        let shape = Shape::new(batch, self.encoder_inputs());
        let labelled = graph.data(ENCODER_INPUT, shape, Element::F32);
        let observed = observed(&mut graph, self, labelled)?;
        let shape = Shape::new(batch * objective.samples, self.latent());
        let eps = graph.normal(shape, Stream::Latent)?;
        let pass = forward(&mut graph, self, observed, eps)?;
        let squares = gradient_squares(&mut graph, &pass, objective)?;
        Ok((plan(graph, &[squares], true), squares))
    }

    /// Returns the plan that counts infinities and NaN among the parameters: its log has a column
    /// for each, in their order.
    ///
    /// # Errors
    /// Only those of a faulty op.
    pub fn watching_plan(&self) -> Result<Plan> {
        let mut graph = Graph::new();
        let parameters = self.parameters();
        let log = graph.log("nonfinite", parameters.len());
        for (column, Parameter { name, shape }) in parameters.iter().enumerate() {
            let parameter = graph.parameter(name, *shape);
            let count = graph.count_nonfinite(parameter)?; // [rows, 1]
            graph.loss_sum(count, log, column)?;
        }
        Ok(plan(graph, &[], false))
    }
}

/// A plan that evaluates images, and its outputs.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The plan.
    pub plan: Plan,
    /// `[batch, 1]`.
    pub log_likelihood: TensorId,
    /// `[batch, 1]`.
    pub kl: TensorId,
    /// Posterior means `[batch, latent]`.
    pub mean: TensorId,
    /// KL divergence of each latent unit `[batch, latent]`.
    pub kl_of_units: TensorId,
}

/// Returns the plan of the log-likelihood, by one sample of the posterior, KL and posterior mean of each
/// image.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if there are no images.
pub fn evaluation(architecture: &Architecture, images: Images, fused: bool) -> Result<Evaluation> {
    let mut graph = Graph::new();
    let x = images.gather(&mut graph, architecture)?;
    let eps = images.noise(&mut graph, [1, architecture.latent()], Stream::Evaluation)?;
    let Forward { log_likelihood, kl, mean, stddev, .. } =
        forward(&mut graph, architecture, x, eps)?;
    let kl_of_units = graph.map(&GAUSSIAN_KL, &[mean, stddev])?;
    let plan = plan(graph, &[log_likelihood, kl, mean, kl_of_units], fused);
    Ok(Evaluation { plan, log_likelihood, kl, mean, kl_of_units })
}

/// The tensor `[batch, encoder_inputs]` of images to encode; for a model with labels, each with the
/// numbers of its label, of which its own is 1 and the others are 0.
pub const ENCODER_INPUT: &str = "encoder.input";

/// The tensor `[batch, latent]` of latents to decode.
pub const DECODER_INPUT: &str = "decoder.input";

/// The tensor `[batch, labels]` of the numbers of each label of latents to decode, if the model has
/// labels.
pub const DECODER_LABELS: &str = "decoder.labels";

/// The outputs of an encoding plan.
#[derive(Clone, Copy, Debug)]
pub struct Encoded {
    /// `[batch, latent]`.
    pub mean: TensorId,
    /// `[batch, latent]`.
    pub stddev: TensorId,
}

/// Returns the plan of the posteriors of the rows of [`ENCODER_INPUT`].
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if `batch` is 0.
pub fn encoding(architecture: &Architecture, batch: usize) -> Result<(Plan, Encoded)> {
    let mut graph = Graph::new();
    let x =
        graph.data(ENCODER_INPUT, Shape::new(batch, architecture.encoder_inputs()), Element::F32);
    let (mean, stddev) = encode(&mut graph, architecture, x)?;
    Ok((plan(graph, &[mean, stddev], true), Encoded { mean, stddev }))
}

/// Returns the plan of the pixel probabilities `[batch, input]` of the rows of [`DECODER_INPUT`], with
/// the labels [`DECODER_LABELS`].
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if `batch` is 0.
pub fn decoding(architecture: &Architecture, batch: usize) -> Result<(Plan, TensorId)> {
    let mut graph = Graph::new();
    let z = graph.data(DECODER_INPUT, Shape::new(batch, architecture.latent()), Element::F32);
    let labels = given_labels(&mut graph, architecture, batch);
    let logits = decode(&mut graph, architecture, z, labels)?;
    let parameters = architecture.pixel_parameters(&mut graph, logits)?;
    let probabilities = (architecture.likelihood().mean)(&mut graph, &parameters)?;
    Ok((plan(graph, &[probabilities], true), probabilities))
}

/// Returns the plan of the log-likelihood `[batch, 1]` of each row of [`ENCODER_INPUT`], given that
/// of [`DECODER_INPUT`] and the image's own label.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if `batch` is 0.
pub fn likelihood(architecture: &Architecture, batch: usize) -> Result<(Plan, TensorId)> {
    let mut graph = Graph::new();
    let x =
        graph.data(ENCODER_INPUT, Shape::new(batch, architecture.encoder_inputs()), Element::F32);
    let z = graph.data(DECODER_INPUT, Shape::new(batch, architecture.latent()), Element::F32);
    let Observed { x, labels } = observed(&mut graph, architecture, x)?;
    let logits = decode(&mut graph, architecture, z, labels)?;
    let log_likelihood = log_likelihood(&mut graph, architecture, logits, x)?;
    Ok((plan(graph, &[log_likelihood], true), log_likelihood))
}

/// The outputs of a plan that draws images.
#[derive(Clone, Copy, Debug)]
pub struct Drawn {
    /// The encoded images `[batch, input]`, if they are an output.
    pub x: Option<TensorId>,
    /// The latents `[batch, latent]`.
    pub z: TensorId,
    /// Pixel probabilities `[batch, input]`.
    pub probabilities: TensorId,
    /// A Bernoulli sample of the probabilities `[batch, input]`.
    pub sample: TensorId,
}

/// Returns the plan of posterior predictive samples of images of a set, with their probabilities.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if there are no images.
pub fn reconstruction(
    architecture: &Architecture,
    images: Images,
    fused: bool,
) -> Result<(Plan, Drawn)> {
    let mut graph = Graph::new();
    let Observed { x, labels } = images.gather(&mut graph, architecture)?;
    let labelled = beside(&mut graph, x, labels)?;
    let z = posterior(&mut graph, architecture, labelled, images.batch)?;
    draw(graph, architecture, Latents { x: Some(x), z, labels }, fused)
}

/// Returns the plan of posterior predictive samples of the rows of [`ENCODER_INPUT`].
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if `batch` is 0.
pub fn posterior_predictive(architecture: &Architecture, batch: usize) -> Result<(Plan, Drawn)> {
    let mut graph = Graph::new();
    let x =
        graph.data(ENCODER_INPUT, Shape::new(batch, architecture.encoder_inputs()), Element::F32);
    let z = posterior(&mut graph, architecture, x, batch)?;
    let Observed { labels, .. } = observed(&mut graph, architecture, x)?;
    draw(graph, architecture, Latents { x: None, z, labels }, true)
}

/// Returns the plan of prior predictive samples of the labels [`DECODER_LABELS`], with their
/// probabilities, from the same latents.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if `count` is 0.
pub fn prior_predictive(
    architecture: &Architecture,
    count: usize,
    fused: bool,
) -> Result<(Plan, Drawn)> {
    let mut graph = Graph::new();
    let z = graph.normal(Shape::new(count, architecture.latent()), Stream::Prior)?;
    let labels = given_labels(&mut graph, architecture, count);
    draw(graph, architecture, Latents { x: None, z, labels }, fused)
}

/// Appends latents drawn from the posteriors of x `[batch, encoder_inputs]`.
fn posterior(
    graph: &mut Graph,
    architecture: &Architecture,
    x: TensorId,
    batch: usize,
) -> Result<TensorId> {
    let eps = graph.normal(Shape::new(batch, architecture.latent()), Stream::Evaluation)?;
    graph.rename(eps, "eps");
    let (mean, stddev) = encode(graph, architecture, x)?;
    graph.reparameterize(mean, stddev, eps)
}

/// Latents to decode.
struct Latents {
    /// The encoded images, if they are an output.
    x: Option<TensorId>,
    /// `[batch, latent]`.
    z: TensorId,
    /// `[batch, labels]`.
    labels: Option<TensorId>,
}

fn draw(
    mut graph: Graph,
    architecture: &Architecture,
    Latents { x, z, labels }: Latents,
    fused: bool,
) -> Result<(Plan, Drawn)> {
    let logits = decode(&mut graph, architecture, z, labels)?;
    let likelihood = architecture.likelihood();
    let parameters = architecture.pixel_parameters(&mut graph, logits)?;
    let probabilities = (likelihood.mean)(&mut graph, &parameters)?;
    let sample = (likelihood.sample)(&mut graph, probabilities, &parameters, Stream::Bernoulli)?;
    let outputs: Vec<_> = x.into_iter().chain([z, probabilities, sample]).collect();
    Ok((plan(graph, &outputs, fused), Drawn { x, z, probabilities, sample }))
}
