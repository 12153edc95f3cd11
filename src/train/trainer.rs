//! A model in training on a session.

mod nonfinite;

use super::self_check::SelfCheck;
use super::{Config, EpochReport, KernelReport, Report, StepReport};
use crate::checkpoint::Position;
use crate::data::Split;
use crate::device::{Blocking, Device, LogRow, ProgramId, Session, Values};
use crate::eval::{Evaluator, Measurement, Measures};
use crate::graph::{Binarize, Plan, Step};
use crate::model::{
    Architecture, Evaluation, Images, LOSS_TERMS, States, Weights, evaluation, initial_weights,
};
use crate::profile::kernel_times;
use crate::random::generator;
use crate::{Error, Result};
use nonfinite::finite;
use rand::seq::SliceRandom;
use std::collections::VecDeque;
use std::task::Poll;
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
    /// The next step to begin; those before it and not before the position are under way.
    begun: u32,
    /// The first step that is not to be begun yet.
    limit: u32,
    /// The step after which the weights are to be looked at, if that is next.
    watched: Option<Step>,
    /// Log rows that are not looked at yet.
    rows: VecDeque<LogRow>,
    /// The measurement of the test set at the end of an epoch.
    measurement: Option<Measurement>,
    /// Since when steps are under way.
    since: Option<Instant>,
}

impl Trainer {
    /// Loads the plans, the data and the starting weights.
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the batch is empty or larger than the training
    /// set; whatever the device reports.
    pub fn new(device: &mut dyn Device, config: &Config, data: &Split) -> Result<Self> {
        let Plans { training, watching, evaluation } = Plans::new(config, data)?;
        let architecture = config.architecture(data.train.width())?;
        let images = Self::images(config, data);
        let program = device.load(training.clone())?;
        let watch = device.load(watching)?;
        let test = Self::test_images(data, config.binarize);
        let evaluator = Evaluator::of(device, evaluation, test)?;
        let own = (TRAIN_IMAGES, &data.train.levels);
        let self_check = config.self_check.map(|_| SelfCheck::load(device, &training, own));
        device.write(TRAIN_IMAGES, data.train.levels.values())?;
        device.write("test.images", data.test.levels.values())?;
        let in_order: Vec<u32> = (0..data.test.len() as u32).collect();
        device.write("test.indices", Values::U32(&in_order))?;
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
            begun: 0,
            limit: 0,
            watched: None,
            rows: VecDeque::new(),
            measurement: None,
            since: None,
        };
        // The device may have trained before.
        trainer.resume(device, &weights, &states, Position::default())?;
        Ok(trainer)
    }

    /// Goes on from where another trainer was: what it does then has the bits of what that did.
    ///
    /// # Errors
    /// If the numbers do not fit the session's tensors.
    pub fn resume(
        &mut self,
        device: &mut dyn Device,
        weights: &Weights,
        states: &States,
        position: Position,
    ) -> Result<()> {
        weights.write(device)?;
        self.architecture.write_states(self.config.optimizer, states, device)?;
        self.position = position;
        self.begun = position.step;
        (self.watched, self.measurement, self.since) = Default::default();
        self.rows.clear();
        Ok(())
    }

    /// Frees its plans, and the tensors that no other plan has: the weights stay if one has them.
    ///
    /// # Errors
    /// If the device fails.
    pub fn unload(self, device: &mut dyn Device) -> Result<()> {
        device.unload(self.program)?;
        device.unload(self.watch)?;
        self.evaluator.unload(device)?;
        self.self_check.map_or(Ok(()), |check| check.unload(device))
    }

    /// The optimiser's states, after all steps so far.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if one is infinite or NaN; if the device fails.
    pub fn states(&self, session: &mut dyn Blocking) -> Result<States> {
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
    pub fn weights(&self, session: &mut dyn Blocking) -> Result<Weights> {
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
        self.limit = self.position.step.saturating_add(most);
        loop {
            while let Some(report) = self.report(session)? {
                let epoch = match &report {
                    Report::Epoch(epoch) => Some(*epoch),
                    _ => None,
                };
                on_report(report)?;
                if epoch.is_some() {
                    return Ok(epoch);
                }
            }
            if self.begun < self.end() && stop() {
                self.limit = self.begun;
            }
            self.begin(session)?;
            if let Some(report) = self.begin_special(session)? {
                on_report(Report::Kernels(report))?;
            }
            let is_outstanding = session.wait()?;
            if !is_outstanding && self.begun >= self.limit && self.measurement.is_none() {
                return Ok(None);
            }
        }
    }

    /// As [`epoch`](Self::epoch), without waiting: takes in what the device has finished, begins as many
    /// steps as it takes, and returns the next report; pending until the device, which the caller
    /// [polls](Device::poll), has finished something. After an epoch's report the next epoch begins with
    /// the next call.
    ///
    /// # Errors
    /// As [`epoch`](Self::epoch); [`Error::Setting`] if some steps are to be timed or checked, which
    /// has to wait.
    pub fn next(&mut self, device: &mut dyn Device) -> Result<Poll<Report>> {
        let Config { profile_every, self_check, .. } = self.config;
        let waits = [("profile_every", profile_every), ("self_check", self_check)];
        if let Some((setting, Some(every))) = waits.into_iter().find(|(_, every)| every.is_some()) {
            let expected = "none where nothing may wait".to_owned();
            return Err(Error::Setting { setting, expected, found: every.to_string() });
        }
        self.limit = u32::MAX;
        match self.report(device)? {
            Some(report) => Ok(Poll::Ready(report)),
            None => self.begin(device).map(|()| Poll::Pending),
        }
    }

    /// The next report of what the device has finished.
    fn report(&mut self, device: &mut dyn Device) -> Result<Option<Report>> {
        loop {
            let Some(row) = self.rows.pop_front() else {
                self.rows.extend(device.take_rows());
                if self.rows.is_empty() { break } else { continue }
            };
            if row.program == self.program {
                return self.take_in(&row).map(|report| Some(Report::Step(report)));
            }
            self.check_weights(&row)?;
        }
        let Some(measurement) = &mut self.measurement else { return Ok(None) };
        match self.evaluator.next(measurement, device)? {
            Poll::Ready(test) => self.end_epoch(test).map(|report| Some(Report::Epoch(report))),
            Poll::Pending => Ok(None),
        }
    }

    /// Counts a step that is finished.
    fn take_in(&mut self, row: &LogRow) -> Result<StepReport> {
        let per_epoch = self.steps_per_epoch();
        let report = self.step_report(row)?;
        let Position { step, train, seconds } = &mut self.position;
        train.elbo += report.elbo / f64::from(per_epoch);
        train.log_likelihood += report.log_likelihood / f64::from(per_epoch);
        train.kl += report.kl / f64::from(per_epoch);
        *step += 1;
        if *step == self.begun {
            *seconds += self.since.take().map_or(0.0, |since| since.elapsed().as_secs_f64());
        }
        if step.is_multiple_of(per_epoch) {
            self.measurement = Some(Measurement::new(self.config.seed, *step));
        }
        Ok(report)
    }

    /// Ends an epoch, whose test set gave these measures.
    fn end_epoch(&mut self, test: Measures) -> Result<EpochReport> {
        self.measurement = None;
        let Position { step, train, seconds } = self.position;
        self.position = Position { step, ..Position::default() };
        finite("test log-likelihood", test.log_likelihood, step.into())?;
        finite("test KL divergence", test.kl, step.into())?;
        let images = self.steps_per_epoch() as usize * self.images.batch;
        let learning_rate = self.config.learning_rate_after(step - 1);
        Ok(EpochReport { epoch: self.epochs(), train, test, images, learning_rate, seconds })
    }

    /// The first step that is not to be begun yet, or that is of the next epoch.
    fn end(&self) -> u32 {
        self.limit.min((self.epochs() + 1) * self.steps_per_epoch())
    }

    /// Begins as many steps as the device takes, up to one that is timed or checked.
    fn begin(&mut self, device: &mut dyn Device) -> Result<()> {
        if self.measurement.is_some() {
            return Ok(());
        }
        let end = self.end();
        if self.begun < end {
            self.shuffle(device, self.epochs())?;
        }
        loop {
            if let Some(step) = self.watched {
                if device.submit(self.watch, &[step])? == 0 {
                    return Ok(());
                }
                self.watched = None;
            }
            let to_watch = STEPS_PER_WATCH - self.begun % STEPS_PER_WATCH;
            let steps = (self.begun..end).take(to_watch as usize).map(|index| self.step(index));
            let steps: Vec<_> = steps.take_while(|step| self.is_plain(step)).collect();
            if steps.is_empty() {
                return Ok(());
            }
            match device.submit(self.program, &steps)? {
                0 => return Ok(()),
                count => self.note_begun(count as u32),
            }
        }
    }

    fn note_begun(&mut self, count: u32) {
        self.since.get_or_insert_with(Instant::now);
        self.begun += count;
        if self.begun.is_multiple_of(STEPS_PER_WATCH) {
            self.watched = Some(self.step(self.begun - 1));
        }
    }

    /// Runs the next step if it is to be timed, or checked, or both.
    fn begin_special(&mut self, session: &mut dyn Session) -> Result<Option<KernelReport>> {
        let step = self.step(self.begun);
        let is_next = self.begun < self.end() && self.measurement.is_none();
        if !is_next || self.watched.is_some() || self.is_plain(&step) {
            return Ok(None);
        }
        let check = self.self_check.as_ref();
        let check = check.filter(|_| is_every(self.config.self_check, &step));
        let before = check.map(|check| check.state(session)).transpose()?;
        let report = if self.is_profiled(&step) {
            Some(self.time(session, step)?)
        } else {
            session.run(self.program, &[step])?;
            None
        };
        self.note_begun(1);
        if let Some((check, before)) = self.self_check.as_mut().zip(before) {
            check.check(session, step, &before)?;
        }
        Ok(report)
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

    /// Runs a step with all of its kernels timed.
    fn time(&self, session: &mut dyn Session, step: Step) -> Result<KernelReport> {
        let epoch = step.index / self.steps_per_epoch() + 1;
        let timed = session.time_steps(self.program, &[step])?;
        let launches = session.launches(self.program)?;
        let kernels = timed.steps.iter().flat_map(|spans| kernel_times(&launches, spans)).collect();
        Ok(KernelReport { step: u64::from(step.index) + 1, epoch, kernels })
    }

    /// Puts the images into the order of an epoch: from [`generator`], stream = the epoch, counted
    /// from 1.
    fn shuffle(&mut self, device: &mut dyn Device, epoch: u32) -> Result<()> {
        if self.order == Some(epoch) {
            return Ok(());
        }
        let mut rng = generator(self.config.seed, u64::from(epoch) + 1);
        let mut indices: Vec<u32> = (0..self.images.count as u32).collect();
        indices.shuffle(&mut rng);
        device.write(TRAIN_INDICES, Values::U32(&indices))?;
        if let Some(check) = &mut self.self_check {
            check.order(TRAIN_INDICES, &indices)?;
        }
        self.order = Some(epoch);
        Ok(())
    }

    fn step_report(&self, row: &LogRow) -> Result<StepReport> {
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
