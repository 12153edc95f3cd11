//! A model in training on a session.

mod nonfinite;

use super::self_check::SelfCheck;
use super::{Config, EpochReport, KernelReport, Report, StepReport};
use crate::Result;
use crate::checkpoint::Position;
use crate::data::Split;
use crate::device::{LogRow, ProgramId, Session, Values};
use crate::eval::Evaluator;
use crate::graph::{Binarize, Plan, Step};
use crate::model::{
    Architecture, Evaluation, Images, LOSS_TERMS, States, Weights, evaluation, initial_weights,
};
use crate::profile::kernel_times;
use crate::random::generator;
use nonfinite::finite;
use rand::seq::SliceRandom;
use std::time::Instant;

/// Images of one evaluation step.
const EVALUATION_BATCH: usize = 500;

const TRAIN_IMAGES: &str = "train.images";
const TRAIN_INDICES: &str = "train.indices";

/// After every so many steps the weights are looked at. By the time that is read another so many may
/// have begun.
const STEPS_PER_WATCH: u32 = 50;

/// A model in training on a session.
#[derive(Debug)]
pub struct Trainer {
    architecture: Architecture,
    config: Config,
    images: Images<'static>,
    test: Images<'static>,
    program: ProgramId,
    /// Counts the weights that are not finite.
    watch: ProgramId,
    evaluator: Evaluator,
    self_check: Option<SelfCheck>,
    position: Position,
    /// The epoch, counted from 0, whose order of images the session holds.
    order: Option<u32>,
}

impl Trainer {
    /// Loads the plans, the data and the starting weights.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the batch is empty or larger than the training
    /// set; whatever the device reports.
    pub fn new(session: &mut dyn Session, config: &Config, data: &Split) -> Result<Self> {
        let Plans { training, watching, evaluation } = Plans::new(config, data)?;
        let architecture = config.architecture(data.train.width())?;
        let images = Self::images(config, data);
        let program = session.load(training.clone())?;
        let watch = session.load(watching)?;
        let test = Self::test_images(data, config.binarize);
        let evaluator = Evaluator::of(session, evaluation, test)?;
        let own = (TRAIN_IMAGES, &data.train.levels);
        let self_check = config.self_check.map(|_| SelfCheck::load(session, &training, own));
        session.write(TRAIN_IMAGES, data.train.levels.values())?;
        session.write("test.images", data.test.levels.values())?;
        let in_order: Vec<u32> = (0..data.test.len() as u32).collect();
        session.write("test.indices", Values::U32(&in_order))?;
        let weights = initial_weights(&architecture, config.seed);
        let states = architecture.starting_states(config.optimizer);
        let mut trainer = Self {
            architecture,
            config: config.clone(),
            images,
            test,
            program,
            watch,
            evaluator,
            self_check: self_check.transpose()?,
            position: Position::default(),
            order: None,
        };
        // The session may have trained before.
        trainer.resume(session, &weights, &states, Position::default())?;
        Ok(trainer)
    }

    /// Goes on from where another trainer was: what it does then has the bits of what that did.
    ///
    /// # Errors
    /// If the numbers do not fit the session's tensors.
    pub fn resume(
        &mut self,
        session: &mut dyn Session,
        weights: &Weights,
        states: &States,
        position: Position,
    ) -> Result<()> {
        weights.write(session)?;
        self.architecture.write_states(self.config.optimizer, states, session)?;
        self.position = position;
        Ok(())
    }

    /// The optimiser's states, after all steps so far.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if one is infinite or NaN; if the device fails.
    pub fn states(&self, session: &mut dyn Session) -> Result<States> {
        let optimizer = self.config.optimizer;
        let states = self.architecture.read_states(optimizer, session)?;
        for ((state, _), values) in optimizer.states().zip(&states) {
            self.check_finite(state.prefix, values)?;
        }
        Ok(states)
    }

    /// The weights, after all steps so far.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if one is infinite or NaN; if the device fails.
    pub fn weights(&self, session: &mut dyn Session) -> Result<Weights> {
        let weights = Weights::read(&self.architecture, session)?;
        self.check_finite("", &weights.values)?;
        Ok(weights)
    }

    /// The plans that it comes to load, but for those of [`Config::self_check`].
    ///
    /// # Errors
    /// Those of [`new`](Self::new) that are not the device's.
    pub fn plans(config: &Config, data: &Split) -> Result<Vec<Plan>> {
        let Plans { training, watching, evaluation } = Plans::new(config, data)?;
        Ok(vec![training, watching, evaluation.plan])
    }

    /// The training images, as the trainer's session holds them.
    fn images(config: &Config, data: &Split) -> Images<'static> {
        Images {
            name: "train",
            count: data.train.len(),
            batch: config.batch,
            pixels: data.train.levels.pixels(),
            binarize: config.binarize,
        }
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
        (self.images.count / self.images.batch) as u32
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
    /// [`Error::NonFinite`](crate::Error::NonFinite) if a loss term is, which is noticed at once, or a
    /// weight, within 100 steps ([`find_nonfinite`](Self::find_nonfinite) then finds the kernel);
    /// [`Error::Device`](crate::Error::Device) if a step does not pass [`Config::self_check`]; whatever
    /// the device or `on_report` reports.
    pub fn epoch(
        &mut self,
        session: &mut dyn Session,
        mut on_report: impl FnMut(Report) -> Result<()>,
    ) -> Result<EpochReport> {
        loop {
            if let Some(report) = self.advance(session, u32::MAX, &|| false, &mut on_report)? {
                return Ok(report);
            }
        }
    }

    /// As [`epoch`](Self::epoch), but at most `most` steps, and fewer if `stop`, which is called every
    /// few steps, returns true; all that were begun are finished on return. No bit depends on where an
    /// epoch is interrupted. Returns the results of the epoch if it is at its end.
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
        self.shuffle(session, epoch)?;
        let first = self.position.step % per_epoch;
        let last = per_epoch.min(first.saturating_add(most));
        let steps: Vec<_> =
            (first..last).map(|index| self.step(epoch * per_epoch + index)).collect();
        let mut left = steps.as_slice();
        loop {
            let is_last = left.is_empty() || stop();
            for row in session.take_log(is_last)? {
                if row.program != self.program {
                    self.check_weights(&row)?;
                    continue;
                }
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
            let to_watch = (STEPS_PER_WATCH - left[0].index % STEPS_PER_WATCH) as usize;
            let at_once = at_once.min(to_watch);
            let plain = left[..at_once].iter().take_while(|step| self.is_plain(step)).count();
            if plain > 0 {
                session.run(self.program, &left[..plain])?;
            } else if let Some(report) = self.run_one(session, left[0])? {
                on_report(Report::Kernels(report))?;
            }
            let (begun, rest) = left.split_at(plain.max(1));
            if begun.len() == to_watch {
                session.run(self.watch, &begun[to_watch - 1..])?;
            }
            left = rest;
        }
        self.position.seconds += began.elapsed().as_secs_f64();
        if self.position.step < (epoch + 1) * per_epoch {
            return Ok(None);
        }
        let Position { step, train, seconds } = self.position;
        self.position = Position { step, ..Position::default() };
        let test = self.evaluator.measure(session, self.config.seed, step)?;
        finite("test log-likelihood", test.log_likelihood, step.into())?;
        finite("test KL divergence", test.kl, step.into())?;
        let images = per_epoch as usize * self.images.batch;
        let learning_rate = self.config.learning_rate_after(step - 1);
        let report = EpochReport { epoch: epoch + 1, train, test, images, learning_rate, seconds };
        on_report(Report::Epoch(report))?;
        Ok(Some(report))
    }

    /// The step of this index over all epochs.
    fn step(&self, index: u32) -> Step {
        self.config.step(index, self.steps_per_epoch())
    }

    fn is_profiled(&self, step: &Step) -> bool {
        is_every(self.config.profile_every, step)
    }

    fn is_plain(&self, step: &Step) -> bool {
        !self.is_profiled(step) && !is_every(self.config.self_check, step)
    }

    /// Runs a step that is timed, or checked, or both.
    fn run_one(&mut self, session: &mut dyn Session, step: Step) -> Result<Option<KernelReport>> {
        let check = self.self_check.as_ref();
        let check = check.filter(|_| is_every(self.config.self_check, &step));
        let before = check.map(|check| check.state(session)).transpose()?;
        let report = if self.is_profiled(&step) {
            Some(self.time(session, step)?)
        } else {
            session.run(self.program, &[step])?;
            None
        };
        if let Some((check, before)) = self.self_check.as_mut().zip(before) {
            check.check(session, step, &before)?;
        }
        Ok(report)
    }

    /// Runs a step with all of its kernels timed.
    fn time(&self, session: &mut dyn Session, step: Step) -> Result<KernelReport> {
        let epoch = step.index / self.steps_per_epoch() + 1;
        let timed = session.time_steps(self.program, &[step])?;
        let launches = session.launches(self.program);
        let kernels = timed.steps.iter().flat_map(|spans| kernel_times(&launches, spans)).collect();
        Ok(KernelReport { step: u64::from(step.index) + 1, epoch, kernels })
    }

    /// Puts the images into the order of an epoch: from [`generator`], stream = the epoch, counted
    /// from 1.
    fn shuffle(&mut self, session: &mut dyn Session, epoch: u32) -> Result<()> {
        if self.order == Some(epoch) {
            return Ok(());
        }
        let mut rng = generator(self.config.seed, u64::from(epoch) + 1);
        let mut indices: Vec<u32> = (0..self.images.count as u32).collect();
        indices.shuffle(&mut rng);
        session.write(TRAIN_INDICES, Values::U32(&indices))?;
        if let Some(check) = &mut self.self_check {
            check.order(TRAIN_INDICES, &indices)?;
        }
        self.order = Some(epoch);
        Ok(())
    }

    fn report(&self, row: &LogRow) -> Result<StepReport> {
        let step = u64::from(row.step) + 1;
        for (term, &value) in LOSS_TERMS.iter().zip(&row.values) {
            finite(term, value, step)?;
        }
        let [log_likelihood, kl] = [0, 1].map(|term| row.values[term] / self.images.batch as f64);
        let elbo = log_likelihood - kl;
        let epoch = row.step / self.steps_per_epoch() + 1;
        Ok(StepReport { step, epoch, elbo, log_likelihood, kl })
    }
}

/// What a trainer loads.
struct Plans {
    training: Plan,
    watching: Plan,
    evaluation: Evaluation,
}

impl Plans {
    fn new(config: &Config, data: &Split) -> Result<Self> {
        config.check_batch(data.train.len())?;
        let architecture = config.architecture(data.train.width())?;
        let images = Trainer::images(config, data);
        let test = Trainer::test_images(data, config.binarize);
        Ok(Self {
            training: architecture.training_plan(images, config.optimizer, config.fuse)?,
            watching: architecture.watching_plan()?,
            evaluation: evaluation(&architecture, test, config.fuse)?,
        })
    }
}

/// Whether a step is one of every so many.
fn is_every(every: Option<u32>, step: &Step) -> bool {
    every.is_some_and(|every| (step.index + 1).is_multiple_of(every))
}
