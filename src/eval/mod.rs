//! Evaluation of a model on held-out images: quickly after each epoch, or thoroughly at the end
//! ([`assess`]).

mod assess;

pub use assess::{ACTIVE, Assessment, LogMeanExp, Mean, Samples, assess};

use crate::Result;
use crate::device::{ProgramId, Session};
use crate::graph::{Step, TensorId};
use crate::model::{Architecture, Evaluation, Images, evaluation};
use serde::{Deserialize, Serialize};

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
        session: &mut dyn Session,
        architecture: &Architecture,
        images: Images,
        fused: bool,
    ) -> Result<Self> {
        Self::of(session, evaluation(architecture, images, fused)?, images)
    }

    /// Like [`load`](Self::load), for an existing plan.
    ///
    /// # Errors
    /// If the device cannot hold it.
    pub fn of(session: &mut dyn Session, evaluation: Evaluation, images: Images) -> Result<Self> {
        let Evaluation { plan, log_likelihood, kl } = evaluation;
        let program = session.load(plan)?;
        let Images { count, batch, .. } = images;
        Ok(Self { program, log_likelihood, kl, count, batch })
    }

    /// Measures every image once; the noise is determined by `seed` and `step`, the number of
    /// training steps so far.
    ///
    /// # Errors
    /// If the device fails.
    pub fn measure(&self, session: &mut dyn Session, seed: u64, step: u32) -> Result<Measures> {
        let (mut log_likelihood, mut kl) = (0.0, 0.0);
        for first in (0..self.count).step_by(self.batch) {
            session.run(self.program, &[Step::new(seed, step, first as u32)])?;
            let rows = self.batch.min(self.count - first);
            let mut sum = |output| -> Result<f64> {
                Ok(session.read_output(self.program, output)?[..rows].iter().sum())
            };
            log_likelihood += sum(self.log_likelihood)?;
            kl += sum(self.kl)?;
        }
        let count = self.count as f64;
        Ok(Measures {
            elbo: (log_likelihood - kl) / count,
            log_likelihood: log_likelihood / count,
            kl: kl / count,
        })
    }
}
