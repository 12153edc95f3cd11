//! A training run from its beginning, or from where one was interrupted, to its end.

use super::{Config, Every, Pictures, Report, RunConfig, RunFolder, Trainer};
use crate::checkpoint::{self, Checkpoint, fingerprint};
use crate::data::Split;
use crate::device::Session;
use crate::file::{Files, System};
use crate::graph::Step;
use crate::{Error, Result};
use std::cell::Cell;
use std::fmt::{Debug, Formatter};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// A run.
pub struct Run<'a> {
    /// Its settings.
    pub config: &'a Config,
    /// What it is trained and tested on.
    pub data: &'a Split,
    /// Its folder.
    pub folder: &'a Path,
    /// How that is written to.
    pub files: Arc<dyn Files>,
    /// Asked every few steps whether to save a checkpoint and stop.
    pub is_interrupted: &'a dyn Fn() -> bool,
    /// Asked every few steps whether to save a checkpoint and go on.
    pub is_save_due: &'a dyn Fn() -> bool,
}

/// How long a driver is left alone after a device failed: it may be starting anew.
const PAUSE: Duration = Duration::from_secs(1);

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// After its last epoch.
    Finished,
    /// Before that, with a checkpoint of this step.
    Interrupted(u32),
}

impl Debug for Run<'_> {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        f.debug_struct("Run").field("config", self.config).field("folder", &self.folder).finish()
    }
}

impl<'a> Run<'a> {
    /// A run on the system's files that is neither interrupted nor asked to save a checkpoint.
    pub fn new(config: &'a Config, data: &'a Split, folder: &'a Path) -> Self {
        let (is_interrupted, is_save_due) = (&|| false, &|| false);
        Self { config, data, folder, files: Arc::new(System), is_interrupted, is_save_due }
    }
}

impl Run<'_> {
    /// Makes the folder and trains. `tell` hears of all that happens.
    ///
    /// # Errors
    /// Those of [`Trainer::new`], [`Trainer::epoch`] and [`RunFolder`]; whatever `tell` reports.
    /// The last checkpoint stays as it was.
    pub fn begin(
        &self,
        session: &mut dyn Session,
        tell: impl FnMut(&Report) -> Result<()>,
    ) -> Result<Ended> {
        self.train(session, tell, |config| {
            RunFolder::create(Arc::clone(&self.files), self.folder, config, fingerprint(self.data))
                .map(|folder| (folder, None))
        })
    }

    /// Goes on from the folder's checkpoint. With the same device and kernels, the run ends with the
    /// bits of one that was never interrupted.
    ///
    /// # Errors
    /// As [`begin`](Self::begin), and those of [`RunFolder::resume`]; [`Error::Setting`] if the run is
    /// to end before it.
    pub fn resume(
        &self,
        session: &mut dyn Session,
        tell: impl FnMut(&Report) -> Result<()>,
    ) -> Result<Ended> {
        self.train(session, tell, |config| {
            RunFolder::resume(Arc::clone(&self.files), self.folder, config, fingerprint(self.data))
        })
    }

    /// Begins, or resumes, on a session that `open` opens. If the device fails, opens another one and
    /// goes on from the last checkpoint, at most `retries` times.
    ///
    /// # Errors
    /// As [`begin`](Self::begin) and [`resume`](Self::resume).
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
                    // Closing a device waits for what it has to do, which may be never.
                    std::mem::forget(session);
                }
                ended
            });
            let error = match (ended, failed) {
                // A device that was there: its driver may be starting anew.
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
        open: impl FnOnce(&RunConfig) -> Result<(RunFolder, Option<Checkpoint>)>,
    ) -> Result<Ended> {
        let Self { config, data, .. } = *self;
        let architecture = config.architecture(data.train.width())?;
        let test = Trainer::test_images(data, config.binarize);
        let training = Trainer::plans(config, data)?;
        let pictures = Pictures::all_plans(&architecture, test, config.fuse)?;
        session.check_memory(&training.iter().chain(&pictures).collect::<Vec<_>>())?;
        let mut trainer = Trainer::new(session, config, data)?;
        check_steps(config, trainer.steps_per_epoch())?;
        let pictures = Pictures::load(session, &architecture, test, data.test.size, config.fuse)?;
        let description = session.description().clone();
        let settings = RunConfig::new(config, &description, session.choices());
        let (mut folder, checkpoint) = open(&settings)?;
        match checkpoint {
            Some(Checkpoint { weights, states, state }) => {
                trainer.resume(session, &weights, &states, state.position)?;
                check_end(config, &trainer)?;
                let step = state.position.step;
                if trainer.epochs() < config.epochs {
                    info!("going on after step {step}, in epoch {}", trainer.epochs() + 1);
                } else {
                    info!("all {} epochs are done: --epochs N trains more", config.epochs);
                }
            }
            None => {
                let weights = trainer.weights(session)?;
                folder.save(trainer.position(), weights, trainer.states(session)?)?;
            }
        }
        let Config { changes, .. } = folder.keep_settings(settings)?;
        let title = format!("{architecture} on {}", config.data);
        let draw = |trainer: &Trainer, session: &mut dyn Session| {
            let when = format!("{title}, epoch {}", trainer.epochs());
            pictures.draw(session, Step::new(config.seed, trainer.position().step, 0), &when)
        };
        let (mut drawings, mut is_drawn) = (None, false);
        while trainer.epochs() < config.epochs {
            let saved = Instant::now();
            let is_due =
                || config.checkpoint_every.is_some_and(|every| every.is_due(saved.elapsed()));
            let most = config
                .checkpoint_every
                .map_or(u32::MAX, |every: Every| every.steps_from(trainer.position().step));
            let is_requested = Cell::new(false);
            let step = trainer.position().step;
            // The next change is written down before the steps after it.
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
                    // With its model, below.
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
                folder.epoch(&report, &weights)?;
                folder.draw_curve(&title, trainer.steps_per_epoch(), &changes)?;
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
        if !is_drawn {
            folder.draw_curve(&title, trainer.steps_per_epoch(), &changes)?;
        }
        // Of the last epoch, if they are there.
        let drawings = drawings.map_or_else(|| draw(&trainer, session), Ok)?;
        folder.save_pictures(&drawings)?;
        Ok(Ended::Finished)
    }

    /// Adds the kernel that it began in to the error that numbers are infinite or NaN: trains once more
    /// from the last checkpoint.
    fn with_origin(&self, error: Error, trainer: &mut Trainer, session: &mut dyn Session) -> Error {
        let Error::NonFinite { what, step, .. } = error else { return error };
        info!("{what} at step {step}: looking for the kernel that it began in");
        let found = Checkpoint::load(&self.folder.join(checkpoint::FILE_NAME)).and_then(
            |Checkpoint { weights, states, state }| {
                let (position, stop) = (state.position, self.is_interrupted);
                trainer.find_nonfinite(session, &weights, &states, position, step, stop)
            },
        );
        match &found {
            Ok(Some(_)) => {}
            Ok(None) if (self.is_interrupted)() => warn!("interrupted before it was found"),
            Ok(None) => warn!(
                "run again from the last checkpoint, with a kernel for each op as --no-fuse has them, \
                 all numbers stay finite"
            ),
            Err(error) => warn!("that failed: {error}"),
        }
        Error::NonFinite { what, step, origin: found.ok().flatten() }
    }
}

/// Checks that steps can be counted.
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

/// Checks that a run that goes on is not at its end before it begins.
fn check_end(config: &Config, trainer: &Trainer) -> Result<()> {
    let last = u64::from(config.epochs) * u64::from(trainer.steps_per_epoch());
    if u64::from(trainer.position().step) <= last {
        return Ok(());
    }
    let begun = trainer.position().step.div_ceil(trainer.steps_per_epoch());
    Err(Error::Setting {
        setting: "epochs",
        expected: format!("at least {begun}, which the run has begun"),
        found: config.epochs.to_string(),
    })
}
