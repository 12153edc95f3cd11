//! Evaluation of a finished model: bounds on the log-likelihood of images, and the activity of its
//! latent units. The noise is drawn here, by image and sample, so a seed gives the same number on
//! every device up to rounding, however many images are computed at once.

use crate::cpu::normal::normal;
use crate::eval::ACTIVE;
use crate::graph::{Step, Stream};
use crate::vae::CHUNK;
use crate::{Matrix, Posterior, Result, Vae};
use std::borrow::Cow;
use std::ops::Range;

/// The numbers of draws and the seed of an assessment.
#[derive(Clone, Copy, Debug)]
pub struct Samples {
    /// Draws of each image's latents for its log-likelihood, at least one.
    pub noise: u32,
    /// Draws for the importance-sampled likelihood, if it is wanted.
    pub importance: Option<u32>,
    /// Seed of the noise.
    pub seed: u64,
}

/// A mean over images and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Its standard error: the images' standard deviation over √images; NaN for one image.
    pub error: f64,
}

impl Mean {
    fn of(values: &[f64]) -> Self {
        let (mean, variance) = moments(values);
        Self { mean, error: (variance / (values.len() as f64 - 1.0)).sqrt() }
    }
}

/// Mean and variance.
fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
}

/// Means over the images, in nats per image.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// Log-likelihood − KL: the evidence lower bound.
    pub elbo: Mean,
    /// Log-likelihood, by samples of the posterior.
    pub log_likelihood: Mean,
    /// KL divergence of the posterior from the prior.
    pub kl: Mean,
    /// Negative log-likelihood by importance sampling.
    pub nll: Option<Mean>,
    /// Number of active units, by [`ACTIVE`].
    pub active_units: usize,
    /// KL divergence of each latent unit; the sum is `kl`.
    pub kl_per_unit: Vec<f64>,
}

/// Assesses a model on images `[images, encoder_inputs]`, those of a model with labels given their own.
///
/// The negative log-likelihood is −log(1/K Σ p(x|z) p(z) / q(z|x)) over K draws z of the posterior q.
///
/// # Errors
/// [`Shape`](crate::Error::Shape) if the images do not fit the model; any error of the device.
pub fn assess(
    vae: &mut Vae,
    x: &Matrix,
    samples: Samples,
    mut on_sample: impl FnMut(),
) -> Result<Assessment> {
    let posterior = vae.encode(x)?;
    let (kl, kl_per_unit) = divergences(&posterior);
    let all =
        |vae: &mut Vae, stream, indices| draws(vae, x, &posterior, samples.seed, stream, indices);
    let mut log_likelihood = vec![0.0; x.rows()];
    for indices in groups(samples.noise, x.rows()) {
        for draw in all(vae, Stream::Evaluation, indices)? {
            for (sum, (value, _)) in log_likelihood.iter_mut().zip(draw) {
                *sum += value / f64::from(samples.noise);
            }
            on_sample();
        }
    }
    let mut weights = samples.importance.map(|_| vec![LogMeanExp::default(); x.rows()]);
    for indices in groups(samples.importance.unwrap_or(0), x.rows()) {
        for draw in all(vae, Stream::Importance, indices)? {
            let pairs = weights.iter_mut().flatten().zip(draw);
            pairs.for_each(|(weight, (value, ratio))| weight.add(value + ratio));
            on_sample();
        }
    }
    let elbo: Vec<_> = log_likelihood.iter().zip(&kl).map(|(value, kl)| value - kl).collect();
    let nll =
        weights.map(|weights| weights.iter().map(|weight| -weight.value()).collect::<Vec<_>>());
    Ok(Assessment {
        elbo: Mean::of(&elbo),
        log_likelihood: Mean::of(&log_likelihood),
        kl: Mean::of(&kl),
        nll: nll.map(|nll| Mean::of(&nll)),
        active_units: active_units(&posterior.mean),
        kl_per_unit,
    })
}

/// KL divergence from N(0, 1) of each image, and the mean of each unit over the images: (mean² +
/// stddev² − 1) / 2 − ln stddev.
fn divergences(Posterior { mean, stddev }: &Posterior) -> (Vec<f64>, Vec<f64>) {
    let mut per_unit = vec![0.0; mean.columns()];
    let per_image = (0..mean.rows()).map(|row| {
        let pairs = mean.row(row).iter().zip(stddev.row(row)).zip(&mut per_unit);
        pairs
            .map(|((&mean, &stddev), unit)| {
                let (mean, stddev) = (f64::from(mean), f64::from(stddev));
                let kl = 0.5 * (mean * mean + stddev * stddev - 1.0) - stddev.ln();
                *unit += kl;
                kl
            })
            .sum()
    });
    let per_image = per_image.collect();
    per_unit.iter_mut().for_each(|unit| *unit /= mean.rows() as f64);
    (per_image, per_unit)
}

/// Divides draws into groups that are computed at once, so that a few images take no more submits
/// than many.
fn groups(count: u32, images: usize) -> impl Iterator<Item = Range<u32>> {
    let at_once = (CHUNK / images).max(1) as u32;
    (0..count).step_by(at_once as usize).map(move |first| first..count.min(first + at_once))
}

/// For each of some draws and each image, the log-likelihood and log p(z) − log q(z|x).
fn draws(
    vae: &mut Vae,
    x: &Matrix,
    posterior: &Posterior,
    seed: u64,
    stream: Stream,
    indices: Range<u32>,
) -> Result<Vec<Vec<(f64, f64)>>> {
    let count = indices.len();
    let (mut all_z, mut ratios) = (Vec::new(), Vec::new());
    for index in indices {
        let (z, ratio) = latents(posterior, seed, stream, index)?;
        all_z.extend_from_slice(z.values());
        ratios.push(ratio);
    }
    let z = Matrix::new(count * x.rows(), posterior.mean.columns(), all_z)?;
    let repeated = match count {
        1 => Cow::Borrowed(x),
        _ => Cow::Owned(Matrix::new(z.rows(), x.columns(), x.values().repeat(count))?),
    };
    let values = vae.log_likelihood(&repeated, &z)?;
    let draws = values
        .chunks_exact(x.rows())
        .zip(ratios)
        .map(|(values, ratios)| values.iter().map(|&value| f64::from(value)).zip(ratios).collect());
    Ok(draws.collect())
}

/// A draw from each image's posterior, and its log p(z) − log q(z|x), which is Σ (eps² − z²) / 2 +
/// ln stddev for z = mean + stddev·eps.
fn latents(
    Posterior { mean, stddev }: &Posterior,
    seed: u64,
    stream: Stream,
    index: u32,
) -> Result<(Matrix, Vec<f64>)> {
    let mut z = vec![0.0_f32; mean.values().len()];
    normal(Step::new(seed, index, 0), stream, mean.columns(), &mut z);
    let mut ratios = Vec::new();
    for (row, z) in z.chunks_exact_mut(mean.columns()).enumerate() {
        let mut ratio = 0.0;
        for ((z, &mean), &stddev) in z.iter_mut().zip(mean.row(row)).zip(stddev.row(row)) {
            let eps = f64::from(*z);
            *z = mean + stddev * *z;
            ratio += 0.5 * (eps * eps - f64::from(*z) * f64::from(*z)) + f64::from(stddev).ln();
        }
        ratios.push(ratio);
    }
    Ok((Matrix::new(mean.rows(), mean.columns(), z)?, ratios))
}

/// A running log(1/n Σ eˣ): the sum is kept relative to the largest term, so that neither very
/// small nor very large terms are lost.
#[derive(Clone, Copy, Debug)]
pub struct LogMeanExp {
    largest: f64,
    sum: f64,
    count: f64,
}

impl Default for LogMeanExp {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, sum: 0.0, count: 0.0 }
    }
}

impl LogMeanExp {
    /// Adds a term.
    pub fn add(&mut self, x: f64) {
        let largest = self.largest.max(x);
        self.sum = self.sum * (self.largest - largest).exp() + (x - largest).exp();
        self.largest = largest;
        self.count += 1.0;
    }

    /// The value so far; NaN without terms.
    pub fn value(&self) -> f64 {
        self.largest + (self.sum / self.count).ln()
    }
}

fn active_units(mean: &Matrix) -> usize {
    let unit = |column: usize| -> Vec<f64> {
        (0..mean.rows()).map(|row| mean.row(row)[column].into()).collect()
    };
    (0..mean.columns()).filter(|&column| moments(&unit(column)).1 > ACTIVE).count()
}
