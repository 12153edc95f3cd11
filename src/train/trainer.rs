//! A model in training on a session.

mod nonfinite;

use super::self_check::SelfCheck;
use super::{Config, EpochReport, KernelReport, Report, StepReport};
use crate::checkpoint::Position;
use crate::data::{HeldOut, Split};
use crate::device::{Blocking, Device, LogRow, ProgramId, Session, Values, load_all};
use crate::eval::{Evaluator, Measurement, Measures, Units};
use crate::graph::{Binarize, Plan, Scalars, Step};
use crate::model::{Architecture, Evaluation, Images, LOSS_TERMS, States, Weights, evaluation};
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
const TRAIN_LABELS: &str = "train.labels";

/// Interval in steps at which the weights are checked. By the time that the result is read, as many
/// further steps may have been submitted.
const STEPS_PER_WATCH: u32 = 50;

/// A model in training on a session.
#[derive(Debug)]
pub struct Trainer {
    architecture: Architecture,
    config: Config,
    images: Images<'static>,
    test: Images<'static>,
    held_out: HeldOut,
    program: ProgramId,
    /// The plan that counts the weights that are not finite.
    watch: ProgramId,
    evaluator: Evaluator,
    self_check: Option<SelfCheck>,
    position: Position,
    /// The epoch, counted from 0, whose order of images is in the session.
    order: Option<u32>,
    /// The next step to submit; those from the position up to here are in flight.
    begun: u32,
    /// The first step that must not be submitted yet.
    limit: u32,
    /// The step after which the weights are to be checked, if that is the next action.
    watched: Option<Step>,
    /// Log rows that are not processed yet.
    rows: VecDeque<LogRow>,
    /// The evaluation of the test set at the end of an epoch.
    measurement: Option<Measurement>,
    /// Start of the time during which steps are in flight.
    since: Option<Instant>,
}

impl Trainer {
    /// Loads the plans, the data and the starting weights, which are new ones: see
    /// [`start_from`](Self::start_from).
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) if the batch is empty or larger than the training
    /// set; the errors of [`Config::labelled`]; errors of the device.
    pub fn new(device: &mut dyn Device, config: &Config, data: &Split) -> Result<Self> {
        let config = &config.labelled(data)?;
        let Plans { training, watching, evaluation } = Plans::new(config, data)?;
        let architecture = config.architecture(data.train.width())?;
        let images = Self::images(config, data);
        let test = Self::test_images(data, config.binarize);
        let [program, watch, evaluating] =
            load_all(device, [training.clone(), watching, evaluation.plan.clone()])?;
        let mut trainer = Self {
            architecture,
            config: config.clone(),
            images,
            test,
            held_out: data.held_out().0,
            program,
            watch,
            evaluator: Evaluator::of(evaluating, &evaluation, test),
            self_check: None,
            position: Position::default(),
            order: None,
            begun: 0,
            limit: 0,
            watched: None,
            rows: VecDeque::new(),
            measurement: None,
            since: None,
        };
        match trainer.start(device, data, &training) {
            Ok(()) => Ok(trainer),
            Err(error) => {
                // The first error is the one to report.
                drop(trainer.unload(device));
                Err(error)
            }
        }
    }

    /// Writes the data and the starting weights and states: the device may still hold those of an
    /// earlier training.
    fn start(&mut self, device: &mut dyn Device, data: &Split, training: &Plan) -> Result<()> {
        let labels = self.architecture.labels();
        let (_, held_out) = data.held_out();
        let labelled = !labels.is_empty();
        let labels = labelled.then(|| Ok([data.train.places(labels)?, held_out.places(labels)?]));
        let labels = labels.transpose()?;
        let own = labels.as_ref().map(|[train, _]| (TRAIN_LABELS, Values::U32(train)));
        let images = (TRAIN_IMAGES, data.train.levels.values());
        let written: Vec<_> = [images].into_iter().chain(own).collect();
        if self.config.self_check.is_some() {
            self.self_check = Some(SelfCheck::load(device, training, &written)?);
        }
        for &(name, values) in &written {
            device.write(name, values)?;
        }
        if let Some([_, test]) = &labels {
            device.write("test.labels", Values::U32(test))?;
        }
        device.write("test.images", held_out.levels.values())?;
        let in_order: Vec<u32> = (0..held_out.len() as u32).collect();
        device.write("test.indices", Values::U32(&in_order))?;
        let weights = self.config.starting_weights(&data.train)?;
        self.start_from(device, &weights)
    }

    /// Starts from these weights, with the optimiser's first states.
    ///
    /// # Errors
    /// If the values do not fit the session's tensors.
    pub fn start_from(&mut self, device: &mut dyn Device, weights: &Weights) -> Result<()> {
        let states = self.architecture.starting_states(self.config.optimizer);
        self.resume(device, weights, &states, Position::default())
    }

    /// Resumes from another trainer's state: further results are bit-identical to that trainer's.
    ///
    /// # Errors
    /// If the values do not fit the session's tensors.
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

    /// Frees the trainer's plans, and the tensors that no other plan has: the weights remain if
    /// another plan has them.
    ///
    /// # Errors
    /// If the device fails.
    pub fn unload(self, device: &mut dyn Device) -> Result<()> {
        device.unload(self.program)?;
        device.unload(self.watch)?;
        self.evaluator.unload(device)?;
        self.self_check.map_or(Ok(()), |check| check.unload(device))
    }

    /// Reads the optimiser's states, after all previous steps.
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

    /// Reads the weights, after all previous steps.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if one is infinite or NaN; if the device fails.
    pub fn weights(&self, session: &mut dyn Blocking) -> Result<Weights> {
        let weights = Weights::read(&self.architecture, session)?;
        self.check_finite("", &weights.values)?;
        Ok(weights)
    }

    /// Returns the plans that a trainer loads, except those of [`Config::self_check`].
    ///
    /// # Errors
    /// The errors of [`new`](Self::new), except those of the device.
    pub fn plans(config: &Config, data: &Split) -> Result<Vec<Plan>> {
        let config = &config.labelled(data)?;
        let Plans { training, watching, evaluation } = Plans::new(config, data)?;
        Ok(vec![training, watching, evaluation.plan])
    }

    /// Returns the description of the training images in the trainer's session.
    fn images(config: &Config, data: &Split) -> Images<'static> {
        Images {
            name: "train",
            count: data.train.len(),
            batch: config.batch,
            pixels: data.train.levels.pixels(),
            binarize: config.binarize,
        }
    }

    /// Returns the description of the validation or test images in the trainer's session.
    pub fn test_images(data: &Split, binarize: Binarize) -> Images<'static> {
        let (_, held_out) = data.held_out();
        Images {
            name: "test",
            count: held_out.len(),
            batch: EVALUATION_BATCH.min(held_out.len()),
            pixels: held_out.levels.pixels(),
            binarize,
        }
    }

    /// Returns the steps per epoch: a last partial batch is dropped.
    pub fn steps_per_epoch(&self) -> u32 {
        (self.images.count / self.images.batch) as u32
    }

    /// Returns the position in the training.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the number of finished epochs.
    pub fn epochs(&self) -> u32 {
        self.position.step / self.steps_per_epoch()
    }

    /// Trains on every image once, or on the rest of an interrupted epoch, and evaluates the test
    /// set. Calls `on_report` for every step, in order, for the kernels of every step that
    /// [`Config::profile_every`] has timed, and for the epoch.
    ///
    /// # Errors
    /// [`Error::NonFinite`](crate::Error::NonFinite) if a loss term is infinite or NaN, which is
    /// detected at once, or a weight, which is detected within 100 steps
    /// ([`find_nonfinite`](Self::find_nonfinite) then finds the kernel);
    /// [`Error::Device`](crate::Error::Device) if a step fails [`Config::self_check`]; errors of
    /// the device or of `on_report`.
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

    /// Like [`epoch`](Self::epoch), but trains for at most `most` steps, and fewer if `stop`, which
    /// is called every few steps, returns true; all submitted steps are finished on return. Results
    /// do not depend on where an epoch is interrupted. Returns the results of the epoch if it has
    /// ended.
    ///
    /// # Errors
    /// The errors of [`epoch`](Self::epoch).
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
                    Report::Epoch(epoch) => Some(epoch.clone()),
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

    /// Like [`epoch`](Self::epoch), without blocking: collects finished work, submits as many steps
    /// as the device accepts, and returns the next report; pending until the device, which the
    /// caller [polls](Device::poll), has finished something. After an epoch's report, the next call
    /// begins the next epoch.
    ///
    /// # Errors
    /// The errors of [`epoch`](Self::epoch); [`Error::Setting`] if some steps are to be timed or
    /// checked, which requires blocking.
    pub fn next(&mut self, device: &mut dyn Device) -> Result<Poll<Report>> {
        let Config { profile_every, self_check, .. } = self.config;
        let waits = [("profile_every", profile_every), ("self_check", self_check)];
        if let Some((setting, Some(every))) = waits.into_iter().find(|(_, every)| every.is_some()) {
            let expected = "none, since `next` does not block".to_owned();
            return Err(Error::Setting { setting, expected, found: every.to_string() });
        }
        self.limit = u32::MAX;
        match self.report(device)? {
            Some(report) => Ok(Poll::Ready(report)),
            None => self.begin(device).map(|()| Poll::Pending),
        }
    }

    /// Returns the next report about work that the device has finished.
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
            Poll::Ready((test, units)) => {
                self.end_epoch(test, units).map(|report| Some(Report::Epoch(report)))
            }
            Poll::Pending => Ok(None),
        }
    }

    /// Processes the log row of a finished step and returns its report.
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

    /// Ends an epoch, given the measures of its test set.
    fn end_epoch(&mut self, test: Measures, units: Units) -> Result<EpochReport> {
        self.measurement = None;
        let Position { step, train, seconds } = self.position;
        self.position = Position { step, ..Position::default() };
        let held_out = self.held_out;
        let name = held_out.name();
        finite(&format!("{name} log-likelihood"), test.log_likelihood, step.into())?;
        finite(&format!("{name} KL divergence"), test.kl, step.into())?;
        let images = self.steps_per_epoch() as usize * self.images.batch;
        let Step { scalars: Scalars { learning_rate, kl_weight, .. }, .. } = self.step(step - 1);
        let epoch = self.epochs();
        Ok(EpochReport {
            epoch,
            train,
            test,
            units,
            held_out,
            images,
            learning_rate,
            kl_weight,
            seconds,
        })
    }

    /// Returns the first step that must not be submitted yet, or that belongs to the next epoch.
    fn end(&self) -> u32 {
        self.limit.min((self.epochs() + 1) * self.steps_per_epoch())
    }

    /// Submits as many steps as the device accepts, up to one that is timed or checked.
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

    /// Runs the next step if it must be timed or checked or both.
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

    /// Returns the step with this index over all epochs.
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

    /// Writes the order of the images for an epoch.
    fn shuffle(&mut self, device: &mut dyn Device, epoch: u32) -> Result<()> {
        if self.order == Some(epoch) {
            return Ok(());
        }
        let indices = order(self.config.seed, epoch, self.images.count);
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
        let batch = self.images.batch as f64;
        let log_likelihood = row.values[0] / (batch * self.config.samples as f64);
        let kl = row.values[1] / batch;
        let elbo = row.values.get(2).map_or(log_likelihood - kl, |bound| bound / batch);
        let epoch = row.step / self.steps_per_epoch() + 1;
        Ok(StepReport { step, epoch, elbo, log_likelihood, kl })
    }
}

/// Plans of a trainer.
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
        let evaluation = evaluation(&architecture, test, config.fuse)?;
        Ok(Self {
            training: architecture.training_plan(images, config.training(), config.fuse)?,
            watching: architecture.watching_plan()?,
            evaluation: Evaluation { plan: config.with_averages(evaluation.plan), ..evaluation },
        })
    }
}

/// Returns the order of `count` images in an epoch, counted from 0: from [`generator`], stream = the epoch,
/// counted from 1.
pub(super) fn order(seed: u64, epoch: u32, count: usize) -> Vec<u32> {
    let mut indices: Vec<u32> = (0..count as u32).collect();
    indices.shuffle(&mut generator(seed, u64::from(epoch) + 1));
    indices
}

/// Whether a step is at the interval `every`.
fn is_every(every: Option<u32>, step: &Step) -> bool {
    every.is_some_and(|every| (step.index + 1).is_multiple_of(every))
}
