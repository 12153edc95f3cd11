//! The training loop: shuffles, steps, the loss that comes back, and a test after each epoch. A
//! [`Trainer`] knows no files and no screen; a [`Run`] has a folder as well, where it leaves what it
//! comes to, and from where another goes on if it is interrupted.

#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod board;
mod config;
mod config_file;
mod every;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod folder;
mod inspect;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod metrics;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod pictures;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
mod run;
mod self_check;
mod trainer;

pub use config::{Change, Config};
pub use config_file::{ConfigFile, RunConfig};
pub use every::Every;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub use folder::RunFolder;
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub use pictures::{Drawing, Pictures};
#[cfg(all(feature = "plots", feature = "tensorboard"))]
pub use run::{Ended, Run};
pub use trainer::Trainer;

use crate::eval::Measures;
use crate::profile::KernelTime;
use serde::{Deserialize, Serialize};

/// What one step made of its batch, in nats per image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Counted from 1, over all epochs.
    pub step: u64,
    /// Counted from 1.
    pub epoch: u32,
    /// Log-likelihood − KL.
    pub elbo: f64,
    /// Log-likelihood.
    pub log_likelihood: f64,
    /// KL divergence.
    pub kl: f64,
}

/// How long the kernels of one step took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KernelReport {
    /// Counted from 1, over all epochs.
    pub step: u64,
    /// Counted from 1.
    pub epoch: u32,
    /// Each kernel's time, in the order of the step.
    pub kernels: Vec<KernelTime>,
}

/// What a trainer tells of while it trains.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A step, some time after it ran.
    Step(StepReport),
    /// A step whose kernels were timed.
    Kernels(KernelReport),
    /// An epoch, at its end.
    Epoch(EpochReport),
}

/// What an epoch came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochReport {
    /// Counted from 1.
    pub epoch: u32,
    /// Means over the epoch's batches, each before its update.
    pub train: Measures,
    /// The test set after the epoch.
    pub test: Measures,
    /// Training images, those of a last partial batch left out.
    pub images: usize,
    /// The optimiser's step size in its last step.
    pub learning_rate: f64,
    /// Seconds of the training alone.
    pub seconds: f64,
}

impl EpochReport {
    /// Training images a second.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds
    }
}
