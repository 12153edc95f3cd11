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

/// An evaluation plan in a session.
#[derive(Clone, Copy, Debug)]
pub struct Evaluator {
    program: ProgramId,
    log_likelihood: TensorId,
    kl: TensorId,
    count: usize,
    batch: usize,
}

impl Evaluator {
    /// Loads the plan, with its ops fused if `fused`. The caller writes the images and indices.
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
        let Evaluation { log_likelihood, kl, .. } = *evaluation;
        let Images { count, batch, .. } = images;
        Self { program, log_likelihood, kl, count, batch }
    }

    /// Measures every image once; the noise is determined by `seed` and `step`, the number of
    /// training steps so far.
    ///
    /// # Errors
    /// If the device fails.
    pub fn measure(&self, session: &mut dyn Blocking, seed: u64, step: u32) -> Result<Measures> {
        let mut measurement = Measurement::new(seed, step);
        loop {
            match self.next(&mut measurement, session)? {
                Poll::Ready(measures) => return Ok(measures),
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
    ) -> Result<Poll<Measures>> {
        let Measurement { seed, step, first, requested, sums } = measurement;
        let outputs = [self.log_likelihood, self.kl];
        while *first < self.count {
            match *requested {
                None => {
                    let step = Step::new(*seed, *step, *first as u32);
                    if device.submit(self.program, &[step])? == 0 {
                        return Ok(Poll::Pending);
                    }
                    let ticket = device.request(Source::Output(self.program, outputs[0]))?;
                    *requested = Some((0, ticket));
                }
                Some((index, ticket)) => {
                    let Some(values) = device.take(ticket) else { return Ok(Poll::Pending) };
                    let rows = self.batch.min(self.count - *first);
                    sums[index] += values.into_f64()[..rows].iter().sum::<f64>();
                    *requested = match outputs.get(index + 1) {
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
        let [log_likelihood, kl] = sums.map(|sum| sum / self.count as f64);
        let elbo = (sums[0] - sums[1]) / self.count as f64;
        Ok(Poll::Ready(Measures { elbo, log_likelihood, kl }))
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
    /// Log-likelihood and KL divergence of all images before.
    sums: [f64; 2],
}

impl Measurement {
    /// One that begins with the first image; the noise follows from `seed` and `step`, the number of
    /// training steps so far.
    pub fn new(seed: u64, step: u32) -> Self {
        Self { seed, step, first: 0, requested: None, sums: [0.0; 2] }
    }
}
