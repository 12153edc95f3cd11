//! A training run from its beginning, or from a checkpoint, to its end.

use super::folder::MODEL;
use super::gradient::Gradient;
use super::{Config, Every, Pictures, Report, RunConfig, RunFolder, Trainer};
use crate::checkpoint::{self, Checkpoint, fingerprint_with_labels};
use crate::data::Split;
use crate::device::Session;
use crate::file::{Files, System};
use crate::graph::Step;
use crate::model::{self, Architecture, Weights};
use crate::{Error, Result};
use std::cell::Cell;
use std::fmt::{Debug, Formatter};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Settings, data and folder of a run, and its callbacks.
pub struct Run<'a> {
    /// Settings of the run.
    pub config: &'a Config,
    /// Training and test data.
    pub data: &'a Split,
    /// Folder of the run.
    pub folder: &'a Path,
    /// File operations on the folder.
    pub files: Arc<dyn Files>,
    /// Called every few steps; returns whether to save a checkpoint and stop.
    pub is_interrupted: &'a dyn Fn() -> bool,
    /// Called every few steps; returns whether to save a checkpoint and continue.
    pub is_save_due: &'a dyn Fn() -> bool,
}

/// Pause after a device failed: its driver may be restarting.
const PAUSE: Duration = Duration::from_secs(1);

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// After its last epoch.
    Finished,
    /// Before the last epoch, with a checkpoint of this step.
    Interrupted(u32),
}

impl Debug for Run<'_> {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.debug_struct("Run").field("config", self.config).field("folder", &self.folder).finish()
    }
}

impl<'a> Run<'a> {
    /// Creates a run on the system's files, with callbacks that return false.
    pub fn new(config: &'a Config, data: &'a Split, folder: &'a Path) -> Self {
        let (is_interrupted, is_save_due) = (&|| false, &|| false);
        Self { config, data, folder, files: Arc::new(System), is_interrupted, is_save_due }
    }
}

impl Run<'_> {
    /// Creates the folder and trains, from new weights or from those of [`Config::from`]. `tell` is called
    /// for every report.
    ///
    /// # Errors
    /// The errors of [`Trainer::new`], [`Trainer::epoch`] and [`RunFolder`]; those of
    /// [`model::load`], and [`Error::Setting`], if the model of [`Config::from`] cannot be read or has
    /// other layers; errors of `tell`. The last checkpoint is then unchanged.
    pub fn begin(
        &self,
        session: &mut dyn Session,
        tell: impl FnMut(&Report) -> Result<()>,
    ) -> Result<Ended> {
        self.train(session, tell, true, |config, data| {
            RunFolder::create(Arc::clone(&self.files), self.folder, config, data)
                .map(|folder| (folder, None))
        })
    }

    /// Resumes from the folder's checkpoint. With the same device and kernels, the results are
    /// bit-identical to those of an uninterrupted run.
    ///
    /// # Errors
    /// The errors of [`begin`](Self::begin) and [`RunFolder::resume`]; [`Error::Setting`] if the
    /// run is to end before the checkpoint.
    pub fn resume(
        &self,
        session: &mut dyn Session,
        tell: impl FnMut(&Report) -> Result<()>,
    ) -> Result<Ended> {
        let is_new = !self.folder.join(checkpoint::FILE_NAME).exists();
        self.train(session, tell, is_new, |config, data| {
            RunFolder::resume(Arc::clone(&self.files), self.folder, config, data)
        })
    }

    /// Begins, or resumes, on a session that `open` opens. If the device fails, opens another one
    /// and resumes from the last checkpoint, at most `retries` times.
    ///
    /// # Errors
    /// The errors of [`begin`](Self::begin) and [`resume`](Self::resume).
    pub fn persist(
        &self,
        mut is_begun: bool,
        retries: u32,
        mut open: impl FnMut() -> Result<Box<dyn Session>>,
        mut tell: impl FnMut(&Report) -> Result<()>,
    ) -> Result<Ended> {
        let (mut left, mut failed) = (retries, None);
        loop {
            let ended = open().and_then(|mut session| {
                let ended = if is_begun {
                    self.resume(session.as_mut(), &mut tell)
                } else {
                    self.begin(session.as_mut(), &mut tell)
                };
                if let Err(Error::Device { .. }) = ended {
                    // Dropping a lost device may block forever, so it is leaked.
                    std::mem::forget(session);
                }
                ended
            });
            let error = match (ended, failed) {
                // A device that was there: its driver may be restarting.
                (Err(error @ Error::Device { .. }), _)
                | (Err(Error::NoDevice { .. }), Some(error)) => error,
                (ended, _) => return ended,
            };
            if left == 0 || (self.is_interrupted)() {
                return Err(error);
            }
            warn!("{error}; retry {} of {retries}", retries - left + 1);
            failed = Some(error);
            left -= 1;
            std::thread::sleep(PAUSE);
            is_begun = RunFolder::is_begun(self.folder);
        }
    }

    fn train(
        &self,
        session: &mut dyn Session,
        mut tell: impl FnMut(&Report) -> Result<()>,
        is_new: bool,
        open: impl FnOnce(&RunConfig, u32) -> Result<(RunFolder, Option<Checkpoint>)>,
    ) -> Result<Ended> {
        let data = self.data;
        let config = &self.config.labelled(data)?;
        let architecture = config.architecture(data.train.width())?;
        let test = Trainer::test_images(data, config.binarize);
        let training = Trainer::plans(config, data)?;
        let pictures = Pictures::all_plans(&architecture, test, config)?;
        session.check_memory(&training.iter().chain(&pictures).collect::<Vec<_>>())?;
        let from = config.from.as_ref().filter(|_| is_new);
        let start = from.map(|path| source_weights(path, config, &architecture)).transpose()?;
        let mut trainer = Trainer::new(session, config, data)?;
        check_steps(config, trainer.steps_per_epoch())?;
        let pictures =
            Pictures::load(session, &architecture, test, data.held_out().1.size, config)?;
        let mut gradient = Gradient::new(config, data.train.width())?;
        let description = session.description().clone();
        let settings = RunConfig::new(config, &description, session.choices());
        let fingerprint = fingerprint_with_labels(data, &config.labels);
        let (mut folder, checkpoint) = open(&settings, fingerprint)?;
        match checkpoint {
            Some(Checkpoint { weights, states, state }) => {
                trainer.resume(session, &weights, &states, state.position)?;
                check_end(config, &trainer)?;
                let step = state.position.step;
                if trainer.epochs() < config.epochs {
                    info!("resuming after step {step}, in epoch {}", trainer.epochs() + 1);
                } else {
                    info!(
                        "all {} epochs are done: a larger number of epochs trains further",
                        config.epochs
                    );
                }
            }
            None => {
                if let Some(weights) = &start {
                    trainer.start_from(session, weights)?;
                }
                let weights = trainer.weights(session)?;
                folder.save(trainer.position(), weights, trainer.states(session)?)?;
            }
        }
        let settings = folder.keep_settings(settings)?;
        let changes = &settings.changes;
        let title = format!("{architecture} on {}", config.data);
        let draw = |trainer: &Trainer, session: &mut dyn Session| {
            let when = format!("{title}, epoch {}", trainer.epochs());
            pictures.draw(session, Step::new(config.seed, trainer.position().step, 0), &when)
        };
        let (mut drawings, mut is_drawn) = (None, false);
        let is_exhausted = |folder: &RunFolder, trainer: &Trainer| {
            config.is_exhausted(trainer.epochs(), folder.best_epoch())
        };
        while trainer.epochs() < config.epochs && !is_exhausted(&folder, &trainer) {
            let saved = Instant::now();
            let is_due =
                || config.checkpoint_every.is_some_and(|every| every.is_due(saved.elapsed()));
            let most = config
                .checkpoint_every
                .map_or(u32::MAX, |every: Every| every.steps_from(trainer.position().step));
            let is_requested = Cell::new(false);
            let step = trainer.position().step;
            // The next change is recorded before the steps after it.
            let next_change = changes.iter().map(|change| change.step).find(|&next| next > step);
            let most = most.min(next_change.map_or(u32::MAX, |next| next - step));
            for change in changes.iter().filter(|change| change.step == step) {
                if folder.change(change)? {
                    info!("after step {step}: {change}");
                }
            }
            let stop = || {
                is_requested.set(is_requested.get() || (self.is_save_due)());
                is_requested.get() || (self.is_interrupted)() || is_due()
            };
            let advanced = trainer.advance(session, most, &stop, |report| {
                match &report {
                    Report::Step(step) => folder.step(step)?,
                    Report::Kernels(kernels) => folder.kernels(kernels)?,
                    // Recorded below, with its model.
                    Report::Epoch(_) => {}
                }
                tell(&report)
            });
            let sound = advanced.and_then(|report| {
                Ok((report, trainer.weights(session)?, trainer.states(session)?))
            });
            let (report, weights, states) =
                sound.map_err(|error| self.with_origin(error, &mut trainer, session))?;
            if let Some(report) = report {
                let step = trainer.position().step;
                let gradient_norm = gradient.norm(config, &data.train, step, &weights)?;
                let model = config.model(&weights, &states);
                folder.epoch(&report, gradient_norm, &model)?;
                folder.draw_curve(&title, trainer.steps_per_epoch(), &settings)?;
                is_drawn = true;
                if config.tensorboard {
                    let drawn = drawings.insert(draw(&trainer, session)?);
                    folder.show_pictures(report.epoch, drawn)?;
                }
            }
            folder.save(trainer.position(), weights, states)?;
            if is_requested.get() {
                info!("a checkpoint of step {}, as requested", trainer.position().step);
            }
            if trainer.epochs() < config.epochs && (self.is_interrupted)() {
                return Ok(Ended::Interrupted(trainer.position().step));
            }
        }
        if is_exhausted(&folder, &trainer) {
            let (epoch, best) = (trainer.epochs(), folder.best_epoch());
            info!("stopped after epoch {epoch}: none since epoch {best} was better");
        }
        if !is_drawn {
            folder.draw_curve(&title, trainer.steps_per_epoch(), &settings)?;
        }
        // The pictures of the last epoch, if they exist.
        let drawings = drawings.map_or_else(|| draw(&trainer, session), Ok)?;
        folder.save_pictures(&drawings)?;
        folder.end()?;
        Ok(Ended::Finished)
    }

    /// Adds the kernel of origin to the error that numbers are infinite or NaN: trains again from
    /// the last checkpoint to find it.
    fn with_origin(&self, error: Error, trainer: &mut Trainer, session: &mut dyn Session) -> Error {
        let Error::NonFinite { what, step, .. } = error else { return error };
        info!("{what} at step {step}: searching for the kernel that caused it");
        let found = Checkpoint::load(&self.folder.join(checkpoint::FILE_NAME)).and_then(
            |Checkpoint { weights, states, state }| {
                let (position, stop) = (state.position, self.is_interrupted);
                trainer.find_nonfinite(session, &weights, &states, position, step, stop)
            },
        );
        match &found {
            Ok(Some(_)) => {}
            Ok(None) if (self.is_interrupted)() => warn!("the search was interrupted"),
            Ok(None) => warn!(
                "repeated from the last checkpoint with unfused kernels, all numbers stay finite"
            ),
            Err(error) => warn!("the search failed: {error}"),
        }
        Error::NonFinite { what, step, origin: found.ok().flatten() }
    }
}

/// Reads the weights of [`Config::from`].
fn source_weights(path: &str, config: &Config, wanted: &Architecture) -> Result<Weights> {
    let path = Path::new(path);
    let path = if path.is_dir() { &path.join(MODEL) } else { path };
    let weights = model::load_as(path, Some(config.scale))?;
    if weights.architecture != *wanted {
        let found = weights.architecture.to_string();
        return Err(Error::Setting { setting: "from", expected: wanted.to_string(), found });
    }
    Ok(weights)
}

/// Checks that the number of steps fits its type.
fn check_steps(config: &Config, per_epoch: u32) -> Result<()> {
    if config.epochs.checked_mul(per_epoch).is_some_and(|steps| steps < u32::MAX) {
        return Ok(());
    }
    Err(Error::Setting {
        setting: "epochs",
        expected: format!("at most {}, of {per_epoch} steps each", (u32::MAX - 1) / per_epoch),
        found: config.epochs.to_string(),
    })
}

/// Checks that a resumed run is not past its end.
fn check_end(config: &Config, trainer: &Trainer) -> Result<()> {
    let last = u64::from(config.epochs) * u64::from(trainer.steps_per_epoch());
    if u64::from(trainer.position().step) <= last {
        return Ok(());
    }
    let begun = trainer.position().step.div_ceil(trainer.steps_per_epoch());
    Err(Error::Setting {
        setting: "epochs",
        expected: format!("at least {begun}, the epoch that the run has reached"),
        found: config.epochs.to_string(),
    })
}
