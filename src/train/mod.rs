//! The training loop: shuffles, steps, loss readback, and a test after each epoch. A [`Trainer`]
//! uses no files and no screen; a [`Run`] also has a folder, where it writes its results and from
//! where an interrupted run resumes.

#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod board;
mod config;
mod config_file;
mod every;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod folder;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod gradient;
mod inspect;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod metrics;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod pictures;
mod recipe;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod run;
mod schedule;
mod self_check;
mod trainer;

pub use config::{Change, Config, OutputBias};
pub use config_file::{ConfigFile, RunConfig};
pub use every::Every;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub use folder::RunFolder;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub use pictures::{Drawing, Pictures};
pub use recipe::{About, Reached, Recipe};
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub use run::{Ended, Run};
pub use schedule::{Schedule, Stage};
pub use trainer::Trainer;

use crate::data::HeldOut;
use crate::eval::{Measures, Units};
use crate::profile::KernelTime;
use serde::{Deserialize, Serialize};

/// Results of one step, in nats per image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Number of the step, counted from 1 over all epochs.
    pub step: u64,
    /// Number of the epoch, counted from 1.
    pub epoch: u32,
    /// Log-likelihood − KL.
    pub elbo: f64,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// KL divergence.
    pub kl: f64,
}

/// Times of the kernels of one step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelReport {
    /// Number of the step, counted from 1 over all epochs.
    pub step: u64,
    /// Number of the epoch, counted from 1.
    pub epoch: u32,
    /// Time of each kernel, in the order of the step.
    pub kernels: Vec<KernelTime>,
}

/// Progress events of a trainer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Report {
    /// A finished step, reported some time after it ran.
    Step(StepReport),
    /// A step whose kernels were timed.
    Kernels(KernelReport),
    /// An epoch, at its end.
    Epoch(EpochReport),
}

/// Results of one epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochReport {
    /// Number of the epoch, counted from 1.
    pub epoch: u32,
    /// Means over the epoch's batches, each before its update.
    pub train: Measures,
    /// Results of the held-out images after the epoch.
    pub test: Measures,
    /// Latent units over the held-out images.
    pub units: Units,
    /// Which images these are.
    pub held_out: HeldOut,
    /// Number of training images, without those of a last partial batch.
    pub images: usize,
    /// The optimiser's step size in its last step.
    pub learning_rate: f64,
    /// The weight of the KL divergence in its last step.
    pub kl_weight: f64,
    /// Seconds of training, without the evaluation.
    pub seconds: f64,
}

impl EpochReport {
    /// Returns the training images a second.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds
    }
}
