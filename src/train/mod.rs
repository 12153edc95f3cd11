//! The training loop: shuffles, steps, the loss that comes back, and a test after each epoch. It
//! knows no files and no screen; the program hands it a session and listens.

mod board;
mod config;
mod folder;
mod pictures;

pub use config::{Config, ConfigFile, RunConfig};
pub use folder::RunFolder;
pub use pictures::{Drawing, Pictures};

use crate::data::Split;
use crate::device::{LogRow, ProgramId, Session, Values};
use crate::eval::{Evaluator, Measures};
use crate::graph::Binarize;
use crate::kernel::Step;
use crate::model::{Architecture, Images, LOSS_TERMS, initial_weights};
use crate::profile::{KernelTime, kernel_times};
use crate::random::generator;
use crate::{Error, Result};
use rand::seq::SliceRandom;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Images of one evaluation step.
const EVALUATION_BATCH: usize = 500;

/// What one step made of its batch, in nats per image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
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
    /// Time of the training alone.
    pub duration: Duration,
}

impl EpochReport {
    /// Training images a second.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.duration.as_secs_f64()
    }
}

fn finite(term: &'static str, value: f64, step: u64) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::NonFinite { term, value: value as f32, step })
}

/// A model in training on a session.
#[derive(Debug)]
pub struct Trainer {
    program: ProgramId,
    evaluator: Evaluator,
    seed: u64,
    batch: usize,
    count: usize,
    profile_every: Option<u32>,
    steps: u32,
    epoch: u32,
}

impl Trainer {
    /// Loads the plans, the data and the starting weights.
    ///
    /// # Errors
    /// [`Error::Setting`] if the batch is empty or larger than the training set; whatever the
    /// device reports.
    pub fn new(session: &mut dyn Session, config: &Config, data: &Split) -> Result<Self> {
        let (batch, count) = (config.batch, data.train.len());
        config.check_batch(count)?;
        let architecture = Architecture::new(data.train.width(), &config.hidden)?;
        let binarize = config.binarize;
        let pixels = data.train.levels.pixels();
        let train = Images { name: "train", count, batch, pixels, binarize };
        let program =
            session.load(architecture.training_plan(train, config.rmsprop(), config.fuse)?)?;
        let count_test = data.test.len();
        let test = Self::test_images(data, binarize);
        let evaluator = Evaluator::load(session, &architecture, test, config.fuse)?;
        session.write("train.images", data.train.levels.values())?;
        session.write("test.images", data.test.levels.values())?;
        let in_order: Vec<u32> = (0..count_test as u32).collect();
        session.write("test.indices", Values::U32(&in_order))?;
        initial_weights(&architecture, config.seed).write(session)?;
        Ok(Self {
            program,
            evaluator,
            seed: config.seed,
            batch,
            count,
            profile_every: config.profile_every,
            steps: 0,
            epoch: 0,
        })
    }

    /// The test images, as the trainer's session holds them.
    pub fn test_images(data: &Split, binarize: Binarize) -> Images<'static> {
        Images {
            name: "test",
            count: data.test.len(),
            batch: EVALUATION_BATCH.min(data.test.len()),
            pixels: data.test.levels.pixels(),
            binarize,
        }
    }

    /// Steps of an epoch: a last partial batch is dropped.
    pub fn steps_per_epoch(&self) -> usize {
        self.count / self.batch
    }

    /// Steps so far.
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// Trains on every image once and measures the test set. `on_report` is told of every step, in
    /// order, and of the kernels of every step that [`Config::profile_every`] has timed.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if a loss term is; whatever the device or `on_report` reports.
    pub fn epoch(
        &mut self,
        session: &mut dyn Session,
        mut on_report: impl FnMut(Report) -> Result<()>,
    ) -> Result<EpochReport> {
        self.epoch += 1;
        let began = Instant::now();
        session.write("train.indices", Values::U32(&self.shuffled()))?;
        let steps: Vec<_> = (0..self.steps_per_epoch() as u32)
            .map(|i| Step::new(self.seed, self.steps + i, i * self.batch as u32))
            .collect();
        let mut train = Measures::default();
        let mut left = steps.as_slice();
        loop {
            let is_last = left.is_empty();
            for row in session.take_log(is_last)? {
                let report = self.report(&row)?;
                train.elbo += report.elbo / steps.len() as f64;
                train.log_likelihood += report.log_likelihood / steps.len() as f64;
                train.kl += report.kl / steps.len() as f64;
                on_report(Report::Step(report))?;
            }
            if is_last {
                break;
            }
            let at_once = session.steps_at_once(self.program).min(left.len());
            let plain = left[..at_once].iter().take_while(|step| !self.is_profiled(step)).count();
            if plain > 0 {
                session.run(self.program, &left[..plain])?;
            } else {
                on_report(Report::Kernels(self.time(session, left[0])?))?;
            }
            left = &left[plain.max(1)..];
        }
        let duration = began.elapsed();
        self.steps += steps.len() as u32;
        let test = self.evaluator.measure(session, self.seed, self.steps)?;
        let step = self.steps.into();
        finite("test log-likelihood", test.log_likelihood, step)?;
        finite("test KL divergence", test.kl, step)?;
        let images = steps.len() * self.batch;
        Ok(EpochReport { epoch: self.epoch, train, test, images, duration })
    }

    fn is_profiled(&self, step: &Step) -> bool {
        self.profile_every.is_some_and(|every| (step.index + 1).is_multiple_of(every))
    }

    /// Runs a step with all of its kernels timed.
    fn time(&self, session: &mut dyn Session, step: Step) -> Result<KernelReport> {
        let timed = session.time_steps(self.program, &[step])?;
        let launches = session.launches(self.program);
        let kernels = timed.steps.iter().flat_map(|spans| kernel_times(&launches, spans)).collect();
        Ok(KernelReport { step: u64::from(step.index) + 1, epoch: self.epoch, kernels })
    }

    /// The order of the epoch's images: from [`generator`], stream = the epoch.
    fn shuffled(&self) -> Vec<u32> {
        let mut rng = generator(self.seed, self.epoch.into());
        let mut indices: Vec<u32> = (0..self.count as u32).collect();
        indices.shuffle(&mut rng);
        indices
    }

    fn report(&self, row: &LogRow) -> Result<StepReport> {
        let step = u64::from(row.step) + 1;
        for (term, &value) in LOSS_TERMS.iter().zip(&row.values) {
            finite(term, value, step)?;
        }
        let [log_likelihood, kl] = [0, 1].map(|term| row.values[term] / self.batch as f64);
        let elbo = log_likelihood - kl;
        Ok(StepReport { step, epoch: self.epoch, elbo, log_likelihood, kl })
    }
}
