//! Objectives of training: bounds on the log-likelihood.

use super::Forward;
use crate::function::{EXP, GAUSSIAN_KL, LOG, SQUARE};
use crate::graph::{Graph, Role, Scalar, Shape, TensorId, Weight, gradients};
use crate::optimizer::Optimizer;
use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// A lower bound on the log-likelihood of an image x, by `samples` draws z of its posterior q.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Bound {
    /// The evidence lower bound (Kingma and Welling, "Auto-Encoding Variational Bayes", 2014): the
    /// mean of ln p(x|z) − KL(q ‖ p), with the KL divergence in closed form.
    #[default]
    Elbo,
    /// The importance-weighted bound (Burda, Grosse and Salakhutdinov, "Importance Weighted
    /// Autoencoders", 2016): ln of the mean of p(x|z) p(z) / q(z|x). With one sample it is the ELBO,
    /// and is computed as such.
    Iwae,
    /// The same bound, with the doubly reparameterised gradient of the encoder (Tucker, Lawson, Gu
    /// and Maddison, 2019), whose ratio of signal to noise does not fall as `samples` grow.
    Dreg,
}

/// The objective of training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The bound.
    pub bound: Bound,
    /// Draws of each image's latents.
    pub samples: usize,
    /// A latent unit's KL divergence, as the mean over the batch, counts only beyond this number of
    /// nats (Kingma and others, "Improved Variational Inference with Inverse Autoregressive Flow",
    /// 2016).
    pub free_bits: f64,
}

impl Default for Objective {
    /// Returns the ELBO with one sample, the tutorial's.
    fn default() -> Self {
        Self { bound: Bound::Elbo, samples: 1, free_bits: 0.0 }
    }
}

impl Objective {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`Error::Setting`] if there is no sample, or free bits are negative or belong to no KL
    /// divergence.
    pub fn check(&self) -> Result<()> {
        let wrong = |setting, expected: &str, found: String| {
            Err(Error::Setting { setting, expected: expected.to_owned(), found })
        };
        if self.samples == 0 {
            return wrong("samples", "at least 1", "0".to_owned());
        }
        if !(self.free_bits >= 0.0 && (self.free_bits as f32).is_finite()) {
            return wrong("free_bits", "a number from 0 on", self.free_bits.to_string());
        }
        if self.free_bits > 0.0 && self.is_weighted() {
            let expected = "0 with importance weights, which have no KL divergence of a unit";
            return wrong("free_bits", expected, self.free_bits.to_string());
        }
        Ok(())
    }

    /// Whether samples have importance weights.
    fn is_weighted(&self) -> bool {
        self.bound != Bound::Elbo && self.samples > 1
    }
}

/// The objective and the optimiser of a training step.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Training {
    /// The objective.
    pub objective: Objective,
    /// The optimiser.
    pub optimizer: Optimizer,
    /// The largest norm of the gradient of the mean loss of an image, over all parameters: a longer one
    /// is scaled down to it (Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent
    /// neural networks", 2013).
    pub clip_norm: Option<f64>,
}

/// Columns of the loss log of a training plan: the log-likelihood, summed over batch and samples, the
/// KL divergence, summed over the batch, and the sum of the bound, if it is not the difference of
/// their means.
pub const LOSS_TERMS: [&str; 3] = ["log-likelihood", "KL divergence", "bound"];

/// Appends the loss, which is minus the bound, with the step's [weight of the KL
/// divergence](crate::graph::Scalars::kl_weight), its gradients, the updates and the loss log.
///
/// # Errors
/// The errors of [`Objective::check`].
pub fn training(graph: &mut Graph, pass: &Forward, step: Training) -> Result<()> {
    let Training { objective, optimizer, clip_norm } = step;
    objective.check()?;
    let parameters = parameters(graph);
    let is_weighted = objective.is_weighted();
    let weighted = is_weighted.then(|| Weighted::new(graph, pass, objective)).transpose()?;
    let bound = weighted.as_ref().map(|weighted| weighted.bound);
    let terms: Vec<_> = [pass.log_likelihood, pass.kl].into_iter().chain(bound).collect();
    let log = graph.log("loss", terms.len());
    for (column, &term) in terms.iter().enumerate() {
        graph.loss_sum(term, log, column)?;
    }
    let all = of_loss(graph, pass, objective, weighted, &parameters)?;
    let all = match clip_norm {
        Some(largest) => clipped(graph, &all, largest * graph.tensor(pass.kl).shape.rows as f64)?,
        None => all,
    };
    graph.optimize(optimizer, &parameters, &all)
}

/// Appends the sum `[1, 1]` of the squares of the loss's gradients by all parameters; the loss is that of
/// the whole batch, as of [`training`].
///
/// # Errors
/// The errors of [`Objective::check`].
pub fn gradient_squares(
    graph: &mut Graph,
    pass: &Forward,
    objective: Objective,
) -> Result<TensorId> {
    objective.check()?;
    let parameters = parameters(graph);
    let is_weighted = objective.is_weighted();
    let weighted = is_weighted.then(|| Weighted::new(graph, pass, objective)).transpose()?;
    let all = of_loss(graph, pass, objective, weighted, &parameters)?;
    let zero = graph.constant(0.0, Shape::new(1, 1));
    squares(graph, zero, &all)
}

/// Returns a graph's parameters.
fn parameters(graph: &Graph) -> Vec<TensorId> {
    let is_parameter = |&id: &TensorId| graph.tensor(id).role == Role::Parameter;
    graph.tensor_ids().filter(is_parameter).collect()
}

/// Appends the gradients of the loss.
fn of_loss(
    graph: &mut Graph,
    pass: &Forward,
    objective: Objective,
    weighted: Option<Weighted>,
    parameters: &[TensorId],
) -> Result<Vec<TensorId>> {
    match weighted {
        None => {
            let kl = match objective.free_bits {
                0.0 => pass.kl,
                free_bits => beyond(graph, pass, free_bits)?,
            };
            let of_sample = Weight::Constant(-1.0 / objective.samples as f64);
            let loss = [(pass.log_likelihood, of_sample), (kl, Weight::Step(Scalar::KlWeight))];
            gradients(graph, &loss, parameters)
        }
        Some(weighted) if objective.bound == Bound::Dreg => {
            weighted.doubly_reparameterized(graph, pass, parameters)
        }
        Some(weighted) => gradients(graph, &[(weighted.bound, -1.0)], parameters),
    }
}

/// Appends `first` `[1, 1]` plus the squares of all numbers of some tensors.
fn squares(graph: &mut Graph, first: TensorId, tensors: &[TensorId]) -> Result<TensorId> {
    let mut total = first;
    for &tensor in tensors {
        let squares = graph.map(&SQUARE, &[tensor])?;
        let of_rows = graph.row_sum(squares)?; // [rows, 1]
        let sum = graph.column_sum(of_rows)?; // [1, 1]
        total = graph.add(total, sum)?;
    }
    Ok(total)
}

/// Added to a norm, as by PyTorch's `clip_grad_norm_`.
const LEAST_NORM: f64 = 1e-6;

/// Appends the same gradients, scaled down if their norm, over all of them, is above `largest`.
fn clipped(graph: &mut Graph, gradients: &[TensorId], largest: f64) -> Result<Vec<TensorId>> {
    let least = graph.constant(f64::from(f32::MIN_POSITIVE), Shape::new(1, 1));
    let total = squares(graph, least, gradients)?;
    // min(1, largest / norm) = exp(−max(ln norm − ln largest, 0)).
    let log_square = graph.map(&LOG, &[total])?;
    let log_norm = graph.scale(log_square, 0.5)?;
    let norm = graph.map(&EXP, &[log_norm])?;
    let norm = graph.offset(norm, LEAST_NORM)?;
    let log_norm = graph.map(&LOG, &[norm])?;
    let excess = graph.offset(log_norm, -largest.ln())?;
    let excess = graph.relu(excess)?;
    let negative = graph.scale(excess, -1.0)?;
    let factor = graph.map(&EXP, &[negative])?;
    gradients.iter().map(|&gradient| graph.multiply(gradient, factor)).collect()
}

/// Appends the KL divergence of each unit beyond the free bits, times the batch `[1, latent]`.
fn beyond(graph: &mut Graph, pass: &Forward, free_bits: f64) -> Result<TensorId> {
    let of_units = graph.map(&GAUSSIAN_KL, &[pass.mean, pass.stddev])?; // [batch, latent]
    let batch = graph.tensor(of_units).shape.rows as f64;
    let sums = graph.column_sum(of_units)?; // [1, latent]
    let means = graph.scale(sums, 1.0 / batch)?;
    let beyond = graph.offset(means, -free_bits)?;
    let beyond = graph.relu(beyond)?;
    graph.scale(beyond, batch)
}

/// An importance-weighted bound.
struct Weighted {
    /// ln p(x|z) + weight·ln (p(z) / q(z|x)) of each sample `[batch·samples, 1]`.
    log_weights: TensorId,
    /// ln of the sum of an image's weights `[batch, 1]`.
    log_sums: TensorId,
    /// `[batch, 1]`.
    bound: TensorId,
    /// ln stddev of each sample's posterior `[batch·samples, latent]`.
    log_stddev: TensorId,
    /// The weight of the KL divergence `[batch·samples, 1]`.
    kl_weight: TensorId,
    samples: usize,
}

impl Weighted {
    fn new(graph: &mut Graph, pass: &Forward, objective: Objective) -> Result<Self> {
        let samples = objective.samples;
        let latent = graph.tensor(pass.z).shape;
        let [_, stddev] = pass.of_samples;
        let log_stddev = graph.map(&LOG, &[stddev])?;
        // ln (p(z) / q(z|x)) = Σ (eps² − z²) / 2 + ln stddev.
        let [eps, z] = [pass.eps, pass.z].map(|noise| graph.map(&SQUARE, &[noise]));
        let difference = graph.subtract(eps?, z?)?;
        let half = graph.scale(difference, 0.5)?;
        let of_units = graph.add(half, log_stddev)?;
        let log_ratio = graph.row_sum(of_units)?; // [batch·samples, 1]
        let kl_weight = graph.step_scalar(Scalar::KlWeight, Shape::new(latent.rows, 1))?;
        let log_ratio = graph.multiply(log_ratio, kl_weight)?;
        let log_weights = graph.add(pass.log_likelihood, log_ratio)?;
        let log_sums = graph.log_sum_exp(log_weights, samples)?; // [batch, 1]
        let bound = graph.offset(log_sums, -(samples as f64).ln())?;
        graph.rename(log_weights, "log_weights");
        graph.rename(bound, "bound");
        Ok(Self { log_weights, log_sums, bound, log_stddev, kl_weight, samples })
    }

    /// Appends the gradients of minus the bound: for the decoder the plain ones; for the encoder
    /// Σ −share²·∂ ln weight / ∂z · ∂z, with each sample's share of the weights. ∂ ln q(z|x) / ∂z is
    /// −eps / stddev: not by (z − mean) / stddev, whose f32 error is that of z over stddev.
    fn doubly_reparameterized(
        &self,
        graph: &mut Graph,
        pass: &Forward,
        parameters: &[TensorId],
    ) -> Result<Vec<TensorId>> {
        let is_encoder = |id: &TensorId| graph.tensor(*id).name.starts_with("encoder.");
        let (encoder, others): (Vec<_>, Vec<_>) = parameters.iter().partition(|id| is_encoder(id));
        // Each sample's gradient has its share as a factor.
        let with_z = [&others[..], &[pass.z]].concat();
        let mut found = gradients(graph, &[(self.bound, -1.0)], &with_z)?;
        let Some(of_z) = found.pop() else { unreachable!("one gradient for each tensor") };
        let log_sums = graph.repeat_rows(self.log_sums, self.samples)?;
        let below = graph.subtract(self.log_weights, log_sums)?;
        let shares = graph.map(&EXP, &[below])?; // [batch·samples, 1]
        let negative = graph.scale(self.log_stddev, -1.0)?;
        let inverse = graph.map(&EXP, &[negative])?;
        let of_q = graph.multiply(pass.eps, inverse)?; // [batch·samples, latent]
        let weights = graph.multiply(shares, self.kl_weight)?;
        let of_q = graph.multiply(of_q, weights)?;
        let of_z = graph.subtract(of_z, of_q)?;
        let of_z = graph.multiply(of_z, shares)?;
        let of_encoder = gradients(graph, &[(pass.z, Weight::Tensor(of_z))], &encoder)?;
        let of = |id: &TensorId| {
            let mut all = encoder.iter().zip(&of_encoder).chain(others.iter().zip(&found));
            all.find(|(parameter, _)| **parameter == *id).map(|(_, &gradient)| gradient)
        };
        Ok(parameters.iter().filter_map(of).collect())
    }
}
