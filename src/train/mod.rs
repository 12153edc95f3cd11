//! The training loop: shuffles, steps, the loss that comes back, and a test after each epoch. A
//! [`Trainer`] knows no files and no screen; a [`Run`] has a folder as well, where it leaves what it
//! comes to, and from where another goes on if it is interrupted.

mod board;
mod config;
mod every;
mod folder;
mod metrics;
mod pictures;
mod run;

pub use config::{Config, ConfigFile, RunConfig};
pub use every::Every;
pub use folder::RunFolder;
pub use pictures::{Drawing, Pictures};
pub use run::{Ended, Run};

use crate::checkpoint::Position;
use crate::data::Split;
use crate::device::{LogRow, ProgramId, Session, Values};
use crate::eval::{Evaluator, Measures};
use crate::graph::Binarize;
use crate::kernel::Step;
use crate::model::{Architecture, Images, LOSS_TERMS, Weights, initial_weights};
use crate::optimizer::MEAN_SQUARE;
use crate::profile::{KernelTime, kernel_times};
use crate::random::generator;
use crate::{Error, Result};
use rand::seq::SliceRandom;
use serde::Serialize;
use std::time::Instant;

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
    /// Seconds of the training alone.
    pub seconds: f64,
}

impl EpochReport {
    /// Training images a second.
    pub fn images_per_second(&self) -> f64 {
        self.images as f64 / self.seconds
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
    architecture: Architecture,
    program: ProgramId,
    evaluator: Evaluator,
    seed: u64,
    batch: usize,
    count: usize,
    profile_every: Option<u32>,
    position: Position,
    /// The epoch, counted from 0, whose order of images the session holds.
    order: Option<u32>,
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
            architecture,
            program,
            evaluator,
            seed: config.seed,
            batch,
            count,
            profile_every: config.profile_every,
            position: Position::default(),
            order: None,
        })
    }

    /// Goes on from where another trainer was: what it does then has the bits of what that did.
    ///
    /// # Errors
    /// If the numbers do not fit the session's tensors.
    pub fn resume(
        &mut self,
        session: &mut dyn Session,
        weights: &Weights,
        mean_squares: &[Vec<f32>],
        position: Position,
    ) -> Result<()> {
        weights.write(session)?;
        self.architecture.write(MEAN_SQUARE, mean_squares, session)?;
        self.position = position;
        Ok(())
    }

    /// RMSProp's mean squares, after all steps so far.
    ///
    /// # Errors
    /// If the device fails.
    pub fn mean_squares(&self, session: &mut dyn Session) -> Result<Vec<Vec<f32>>> {
        self.architecture.read(MEAN_SQUARE, session)
    }

    /// The weights, after all steps so far.
    ///
    /// # Errors
    /// If the device fails.
    pub fn weights(&self, session: &mut dyn Session) -> Result<Weights> {
        Weights::read(&self.architecture, session)
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
    pub fn steps_per_epoch(&self) -> u32 {
        (self.count / self.batch) as u32
    }

    /// How far it is.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Epochs that are at their end.
    pub fn epochs(&self) -> u32 {
        self.position.step / self.steps_per_epoch()
    }

    /// Trains on every image once, or on the rest of an epoch that was left, and measures the test
    /// set. `on_report` is told of every step, in order, of the kernels of every step that
    /// [`Config::profile_every`] has timed, and of the epoch.
    ///
    /// # Errors
    /// [`Error::NonFinite`] if a loss term is; whatever the device or `on_report` reports.
    pub fn epoch(
        &mut self,
        session: &mut dyn Session,
        on_report: impl FnMut(Report) -> Result<()>,
    ) -> Result<EpochReport> {
        match self.advance(session, u32::MAX, &|| false, on_report)? {
            Some(report) => Ok(report),
            None => unreachable!("nothing holds it up before the epoch's end"),
        }
    }

    /// As [`epoch`](Self::epoch), but at most so many steps, and fewer if `stop`, which is asked every
    /// few steps, says so; all that were begun are finished on return. No bit depends on where an
    /// epoch is interrupted. Returns what the epoch came to if it is at its end.
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch).
    pub fn advance(
        &mut self,
        session: &mut dyn Session,
        most: u32,
        stop: &dyn Fn() -> bool,
        mut on_report: impl FnMut(Report) -> Result<()>,
    ) -> Result<Option<EpochReport>> {
        let began = Instant::now();
        let (epoch, per_epoch) = (self.epochs(), self.steps_per_epoch());
        if self.order != Some(epoch) {
            session.write("train.indices", Values::U32(&self.shuffled(epoch)))?;
            self.order = Some(epoch);
        }
        let first = self.position.step % per_epoch;
        let last = per_epoch.min(first.saturating_add(most));
        let batch = self.batch as u32;
        let step = |i| Step::new(self.seed, epoch * per_epoch + i, i * batch);
        let steps: Vec<_> = (first..last).map(step).collect();
        let mut left = steps.as_slice();
        loop {
            let is_last = left.is_empty() || stop();
            for row in session.take_log(is_last)? {
                let report = self.report(&row)?;
                let Position { step, train, .. } = &mut self.position;
                train.elbo += report.elbo / f64::from(per_epoch);
                train.log_likelihood += report.log_likelihood / f64::from(per_epoch);
                train.kl += report.kl / f64::from(per_epoch);
                *step += 1;
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
        self.position.seconds += began.elapsed().as_secs_f64();
        if self.position.step < (epoch + 1) * per_epoch {
            return Ok(None);
        }
        let Position { step, train, seconds } = self.position;
        self.position = Position { step, ..Position::default() };
        let test = self.evaluator.measure(session, self.seed, step)?;
        finite("test log-likelihood", test.log_likelihood, step.into())?;
        finite("test KL divergence", test.kl, step.into())?;
        let images = per_epoch as usize * self.batch;
        let report = EpochReport { epoch: epoch + 1, train, test, images, seconds };
        on_report(Report::Epoch(report))?;
        Ok(Some(report))
    }

    fn is_profiled(&self, step: &Step) -> bool {
        self.profile_every.is_some_and(|every| (step.index + 1).is_multiple_of(every))
    }

    /// Runs a step with all of its kernels timed.
    fn time(&self, session: &mut dyn Session, step: Step) -> Result<KernelReport> {
        let epoch = step.index / self.steps_per_epoch() + 1;
        let timed = session.time_steps(self.program, &[step])?;
        let launches = session.launches(self.program);
        let kernels = timed.steps.iter().flat_map(|spans| kernel_times(&launches, spans)).collect();
        Ok(KernelReport { step: u64::from(step.index) + 1, epoch, kernels })
    }

    /// The order of an epoch's images: from [`generator`], stream = the epoch, counted from 1.
    fn shuffled(&self, epoch: u32) -> Vec<u32> {
        let mut rng = generator(self.seed, u64::from(epoch) + 1);
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
        let epoch = row.step / self.steps_per_epoch() + 1;
        Ok(StepReport { step, epoch, elbo, log_likelihood, kl })
    }
}
