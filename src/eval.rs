//! Evaluation of a model on held-out images after each epoch of its training; [`assess`](crate::assess)
//! does it thoroughly at the end.

use crate::Result;
use crate::device::{Blocking, Device, ProgramId, Source, Ticket};
use crate::graph::{Step, TensorId};
use crate::model::{Architecture, Evaluation, Images, evaluation};
use serde::{Deserialize, Serialize};
use std::task::Poll;

/// The threshold for active units: the variance of a unit's posterior mean over the images (Burda,
/// Grosse and Salakhutdinov, "Importance Weighted Autoencoders", 2016).
pub const ACTIVE: f64 = 0.01;

/// Means over a set of images, in nats per image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Log-likelihood − KL: the evidence lower bound.
    pub elbo: f64,
    /// Log-likelihood of an image, by one sample of its posterior.
    pub log_likelihood: f64,
    /// KL divergence of the posterior from the prior.
    pub kl: f64,
}

/// Measures of each latent unit over a set of images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Units {
    /// Mean KL divergence of each unit, in nats.
    pub kl: Vec<f64>,
    /// Number of [active](ACTIVE) units.
    pub active: usize,
}

/// An evaluation plan in a session.
#[derive(Clone, Copy, Debug)]
pub struct Evaluator {
    program: ProgramId,
    /// Log-likelihood and KL divergence, then mean and KL divergence of each unit.
    outputs: [TensorId; 4],
    count: usize,
    batch: usize,
}

impl Evaluator {
    /// Loads the plan, with its ops fused if `fused`. The caller writes the images, their labels if the
    /// model has labels, and the indices.
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn load(
        device: &mut dyn Device,
        architecture: &Architecture,
        images: Images,
        fused: bool,
    ) -> Result<Self> {
        let evaluation = evaluation(architecture, images, fused)?;
        let program = device.load(evaluation.plan.clone())?;
        Ok(Self::of(program, &evaluation, images))
    }

    /// Creates the evaluator of a loaded plan.
    pub(crate) fn of(program: ProgramId, evaluation: &Evaluation, images: Images) -> Self {
        let Evaluation { log_likelihood, kl, mean, kl_of_units, .. } = *evaluation;
        let Images { count, batch, .. } = images;
        Self { program, outputs: [log_likelihood, kl, mean, kl_of_units], count, batch }
    }

    /// Measures every image once; the noise is determined by `seed` and `step`, the number of
    /// training steps so far.
    ///
    /// # Errors
    /// If the device fails.
    pub fn measure(
        &self,
        session: &mut dyn Blocking,
        seed: u64,
        step: u32,
    ) -> Result<(Measures, Units)> {
        let mut measurement = Measurement::new(seed, step);
        loop {
            match self.next(&mut measurement, session)? {
                Poll::Ready(found) => return Ok(found),
                Poll::Pending => drop(session.wait()?),
            }
        }
    }

    /// Does what can be done of a measurement without waiting; its results once it is at its end.
    ///
    /// # Errors
    /// If the device fails.
    pub fn next(
        &self,
        measurement: &mut Measurement,
        device: &mut dyn Device,
    ) -> Result<Poll<(Measures, Units)>> {
        let Measurement { seed, step, first, requested, sums } = measurement;
        while *first < self.count {
            match *requested {
                None => {
                    let step = Step::new(*seed, *step, *first as u32);
                    if device.submit(self.program, &[step])? == 0 {
                        return Ok(Poll::Pending);
                    }
                    let ticket = device.request(Source::Output(self.program, self.outputs[0]))?;
                    *requested = Some((0, ticket));
                }
                Some((index, ticket)) => {
                    let Some(values) = device.take(ticket) else { return Ok(Poll::Pending) };
                    let rows = self.batch.min(self.count - *first);
                    sums[index].add(&values.into_f64(), self.batch, rows);
                    *requested = match self.outputs.get(index + 1) {
                        Some(&output) => {
                            let ticket = device.request(Source::Output(self.program, output))?;
                            Some((index + 1, ticket))
                        }
                        None => {
                            *first += self.batch;
                            None
                        }
                    };
                }
            }
        }
        let count = self.count as f64;
        let [log_likelihood, kl, mean, kl_of_units] = sums;
        let [log_likelihood, kl] = [log_likelihood, kl].map(|sums| sums.of_columns[0]);
        let measures = Measures {
            elbo: (log_likelihood - kl) / count,
            log_likelihood: log_likelihood / count,
            kl: kl / count,
        };
        let variances = mean.of_columns.iter().zip(&mean.of_squares).map(|(sum, squares)| {
            let mean = sum / count;
            squares / count - mean * mean
        });
        let units = Units {
            kl: kl_of_units.of_columns.iter().map(|sum| sum / count).collect(),
            active: variances.filter(|&variance| variance > ACTIVE).count(),
        };
        Ok(Poll::Ready((measures, units)))
    }

    /// Frees the plan.
    ///
    /// # Errors
    /// If it is not loaded, or the device fails.
    pub fn unload(&self, device: &mut dyn Device) -> Result<()> {
        device.unload(self.program)
    }
}

/// A measurement that is under way.
#[derive(Clone, Debug)]
pub struct Measurement {
    seed: u64,
    step: u32,
    /// The first image of the batch.
    first: usize,
    /// The output of the batch that was asked for.
    requested: Option<(usize, Ticket)>,
    /// Sums of each output over all images before.
    sums: [Sums; 4],
}

/// Sums of the columns of rows, and of their squares.
#[derive(Clone, Debug, Default)]
struct Sums {
    of_columns: Vec<f64>,
    of_squares: Vec<f64>,
}

impl Sums {
    /// Adds the first `rows` of `batch` rows.
    fn add(&mut self, values: &[f64], batch: usize, rows: usize) {
        let columns = values.len() / batch;
        self.of_columns.resize(columns, 0.0);
        self.of_squares.resize(columns, 0.0);
        for row in values.chunks_exact(columns).take(rows) {
            let sums = self.of_columns.iter_mut().zip(&mut self.of_squares);
            for ((sum, squares), value) in sums.zip(row) {
                *sum += value;
                *squares += value * value;
            }
        }
    }
}

impl Measurement {
    /// One that begins with the first image; the noise follows from `seed` and `step`, the number of
    /// training steps so far.
    pub fn new(seed: u64, step: u32) -> Self {
        Self { seed, step, first: 0, requested: None, sums: Default::default() }
    }
}
