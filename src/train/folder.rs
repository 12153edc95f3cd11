//! A run's folder: its results, and the checkpoint from which it resumes.

use super::board::{Board, EARLIER, FOLDERS, folder_in, settings};
use super::metrics::{self, Metrics, Told};
use super::{
    Change, Config, ConfigFile, Drawing, EpochReport, KernelReport, RunConfig, StepReport,
};
use crate::checkpoint::{self, Checkpoint, Lengths, Position, State};
use crate::eval::Measures;
use crate::file::{Files, remove_drafts, replace_in};
use crate::graph::Binarize;
use crate::model::{States, Weights, to_safetensors};
use crate::report::tensorboard::{SETTINGS_FILE, session_end, session_start};
use crate::report::{ChangePoint, Curve, EpochPoint, StepPoint, best_epoch, elbo_curve};
use crate::{Action, Error, FileKind, Result};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Interval in steps at which a step is recorded.
const STEPS_PER_LINE: u64 = 100;

const CONFIG: &str = "config.toml";
const METRICS: &str = "metrics.jsonl";
pub(super) const MODEL: &str = "model.safetensors";
const BEST: &str = "best.safetensors";
const LOCK: &str = ".lock";

/// A folder with `config.toml`, `metrics.jsonl`, `checkpoint.safetensors`, `model.safetensors`, the
/// best model so far as `best.safetensors`, pictures and, unless the run's settings say otherwise,
/// event files for TensorBoard in `train/` and `test/` or `validation/`.
#[derive(Debug)]
pub struct RunFolder {
    files: Arc<dyn Files>,
    path: PathBuf,
    metrics: Metrics,
    curve: Vec<EpochPoint>,
    /// Steps that are in the metrics.
    steps: Vec<StepReport>,
    /// The last change that is in the metrics.
    change: Option<Change>,
    board: Option<Board>,
    /// State of the last checkpoint, except the best ELBO, which may be newer.
    state: State,
    /// Signals to other processes that the run is active, until it is closed.
    _lock: Option<Lock>,
}

impl RunFolder {
    /// Creates the folder, which must not contain a run yet, and writes `config.toml`. `data` is
    /// the [`fingerprint`](checkpoint::fingerprint) of the data.
    ///
    /// # Errors
    /// [`Error::Setting`] if the folder contains a run, [`Error::Io`] if it cannot be written;
    /// [`Error::File`] if a file or folder of the run is a link.
    pub fn create(
        files: Arc<dyn Files>,
        path: &Path,
        config: &RunConfig,
        data: u32,
    ) -> Result<Self> {
        files.create_folder(path).map_err(Error::io(path, Action::Write))?;
        check_links(path)?;
        let lock = lock(path, "run")?;
        Self::check_new(path)?;
        replace_in(&*files, &path.join(CONFIG), config.to_toml(&path.join(CONFIG))?.as_bytes())?;
        Self::begin(files, path, &config.config, data, lock)
    }

    /// Checks that a folder contains no run.
    ///
    /// # Errors
    /// [`Error::Setting`] if it contains one.
    pub fn check_new(path: &Path) -> Result<()> {
        if !Self::is_begun(path) {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "run",
            expected: "a new folder".to_owned(),
            found: format!("{}, which already has a run", path.display()),
        })
    }

    /// Whether a folder contains a run.
    pub fn is_begun(path: &Path) -> bool {
        path.join(CONFIG).exists()
    }

    /// Opens the folder of an interrupted run, truncates files to their lengths at the last
    /// checkpoint, and returns that checkpoint. A run without any step starts again.
    ///
    /// # Errors
    /// [`Error::Setting`] if another process uses the folder, or the run had other data; errors of
    /// [`Checkpoint::load`]; [`Error::File`] if a file is shorter than at the checkpoint, or a
    /// link.
    pub fn resume(
        files: Arc<dyn Files>,
        path: &Path,
        config: &RunConfig,
        data: u32,
    ) -> Result<(Self, Option<Checkpoint>)> {
        check_links(path)?;
        let lock = lock(path, "resume")?;
        remove_drafts(&*files, path);
        let file = path.join(checkpoint::FILE_NAME);
        if !file.try_exists().map_err(Error::io(&file, Action::Read))? {
            // The first checkpoint is saved before the first step.
            if path.join(METRICS).metadata().is_ok_and(|metrics| metrics.len() > 0) {
                return Err(Error::file(&file, "the checkpoint of a run that has begun", "none"));
            }
            return Ok((Self::begin(files, path, &config.config, data, lock)?, None));
        }
        let checkpoint = Checkpoint::load(&file)?;
        fits(&file, &checkpoint, &config.config, data)?;
        let state = checkpoint.state.clone();
        let metrics = Metrics::cut(Arc::clone(&files), path.join(METRICS), state.files.metrics)?;
        let Told { epochs: curve, steps, change } = metrics::read(&path.join(METRICS))?;
        let folder = folder_in(path);
        let board = config.config.tensorboard.then(|| match &state.files.events {
            Some(events) => Board::resume(&files, &folder, config.config.held_out(), events),
            None => Board::create(&files, &folder, config.config.held_out()),
        });
        let board = board.transpose()?;
        let path = path.to_owned();
        let folder = Self { files, path, metrics, curve, steps, change, board, state, _lock: lock };
        Ok((folder, Some(checkpoint)))
    }

    /// Starts a run whose folder contains only `config.toml`.
    fn begin(
        files: Arc<dyn Files>,
        path: &Path,
        config: &Config,
        data: u32,
        lock: Option<Lock>,
    ) -> Result<Self> {
        let metrics = Metrics::create(Arc::clone(&files), path.join(METRICS))?;
        let held_out = config.held_out();
        let board = config.tensorboard.then(|| Board::create(&files, &folder_in(path), held_out));
        Ok(Self {
            files,
            path: path.to_owned(),
            metrics,
            curve: Vec::new(),
            steps: Vec::new(),
            change: None,
            board: board.transpose()?,
            state: config.starting_state(data),
            _lock: lock,
        })
    }

    /// Writes the settings with which the run resumes from its last checkpoint, in addition to the
    /// earlier ones. Returns them with all changes.
    ///
    /// # Errors
    /// [`Error::Io`]; the errors of [`ConfigFile::read`].
    pub fn keep_settings(&self, config: RunConfig) -> Result<Config> {
        let path = self.file(CONFIG);
        let config = config.after(self.state.position.step, ConfigFile::read(&path)?);
        let text = config.to_toml(&path)?;
        if !std::fs::read(&path).is_ok_and(|old| old == text.as_bytes()) {
            self.replace(&path, text.as_bytes())?;
        }
        let events = self.settings_file();
        if config.config.tensorboard && !events.exists() {
            self.replace(&events, &session_start(settings(&config.config)))?;
        }
        Ok(config.config)
    }

    /// Records for TensorBoard that the run has ended.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn end(&self) -> Result<()> {
        let path = self.settings_file();
        match std::fs::read(&path) {
            Ok(begun) => self.replace(&path, &[begun, session_end()].concat()),
            // The run has no event files.
            Err(_) => Ok(()),
        }
    }

    fn settings_file(&self) -> PathBuf {
        folder_in(&self.path).join(SETTINGS_FILE)
    }

    /// Records a change of settings that the run has reached, unless it is already recorded.
    /// Returns whether it was new.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn change(&mut self, change: &Change) -> Result<bool> {
        let is_new = self.change.as_ref() != Some(change);
        if is_new {
            self.metrics.settings(change)?;
            self.change = Some(change.clone());
        }
        Ok(is_new)
    }

    /// Returns the path of the folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Records every hundredth step.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn step(&mut self, report: &StepReport) -> Result<()> {
        if report.step.is_multiple_of(STEPS_PER_LINE) {
            self.metrics.step(report)?;
            self.steps.push(*report);
            if let Some(board) = &mut self.board {
                board.step(report)?;
            }
        }
        Ok(())
    }

    /// Records the times of a step's kernels.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn kernels(&mut self, report: &KernelReport) -> Result<()> {
        self.metrics.kernels(report)?;
        self.board.as_mut().map_or(Ok(()), |board| board.kernels(report))
    }

    /// Records an epoch, and saves its model, also as the best if it is.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn epoch(
        &mut self,
        report: &EpochReport,
        gradient_norm: f64,
        weights: &Weights,
    ) -> Result<()> {
        self.metrics.epoch(report, gradient_norm)?;
        if let Some(board) = &mut self.board {
            board.epoch(report, gradient_norm)?;
        }
        let EpochReport { epoch, train, test, .. } = *report;
        self.curve.push(EpochPoint { epoch, train, test });
        let best = &mut self.state.best;
        let is_best = best.is_none_or(|best| test.elbo > best);
        *best = if is_best { Some(test.elbo) } else { *best };
        let model = to_safetensors(&self.file(MODEL), weights)?;
        let names = [MODEL, BEST].into_iter().take(1 + usize::from(is_best));
        names.map(|name| self.file(name)).try_for_each(|path| self.replace(&path, &model))
    }

    /// Saves a checkpoint, after flushing everything written so far to disk.
    ///
    /// # Errors
    /// [`Error::Io`]; the last checkpoint is then unchanged.
    pub fn save(&mut self, position: Position, weights: Weights, states: States) -> Result<()> {
        let metrics = self.metrics.sync()?;
        let events = self.board.as_mut().map(Board::sync).transpose()?;
        self.state.position = position;
        self.state.files = Lengths { metrics, events };
        let checkpoint = Checkpoint { weights, states, state: self.state.clone() };
        checkpoint.save(&*self.files, &self.file(checkpoint::FILE_NAME))
    }

    /// Returns the epoch with the best ELBO of the held-out images, the first one if there are several;
    /// 0 before the first epoch.
    pub fn best_epoch(&self) -> u32 {
        best_epoch(&self.curve).map_or(0, |point| point.epoch)
    }

    /// Draws `elbo.png`, if there was an epoch, with the changes of settings and of the schedules that
    /// the run has reached.
    ///
    /// # Errors
    /// [`Error::Picture`] or [`Error::Io`].
    pub fn draw_curve(&self, title: &str, steps_per_epoch: u32, config: &Config) -> Result<()> {
        if self.curve.is_empty() {
            return Ok(());
        }
        let path = self.file("elbo.png");
        let epoch = |step: u64| step as f64 / f64::from(steps_per_epoch);
        let steps =
            self.steps.iter().map(|&StepReport { step, elbo, log_likelihood, kl, .. }| {
                let measures = Measures { elbo, log_likelihood, kl };
                StepPoint { epoch: epoch(step), measures }
            });
        let last = self.curve.last().map_or(0.0, |point| point.epoch.into());
        let changes = config.changes.iter().map(|change| ChangePoint {
            epoch: epoch(change.step.into()),
            words: change.to_string(),
        });
        let mut changes: Vec<_> = changes.chain(scheduled(config, steps_per_epoch)).collect();
        changes.retain(|change| change.epoch < last);
        changes.sort_by(|a, b| a.epoch.total_cmp(&b.epoch));
        let curve = Curve {
            title,
            held_out: config.held_out(),
            epochs: &self.curve,
            steps: &steps.collect::<Vec<_>>(),
            changes: &changes,
        };
        let png = elbo_curve(&path, &curve)?;
        self.replace(&path, &png.bytes)
    }

    /// Adds the pictures after an epoch to the TensorBoard events.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn show_pictures(&mut self, epoch: u32, drawings: &[Drawing]) -> Result<()> {
        self.board.as_mut().map_or(Ok(()), |board| board.pictures(epoch, drawings))
    }

    /// Writes pictures, each to a PNG file named after it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_pictures(&self, drawings: &[Drawing]) -> Result<()> {
        let mut drawings = drawings.iter();
        drawings.try_for_each(|Drawing { name, png, .. }| {
            self.replace(&self.file(&format!("{name}.png")), &png.bytes)
        })
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        replace_in(&*self.files, path, bytes)
    }
}

/// Returns the points at which the schedules of a run begin or end a part.
fn scheduled(config: &Config, steps_per_epoch: u32) -> Vec<ChangePoint> {
    let warmed = Some(config.warm_up).filter(|&epochs| epochs > 0.0);
    let jumps = config.schedule.jumps().into_iter().map(f64::from);
    let rate = jumps.chain(warmed).map(|epoch| {
        let step = (epoch * f64::from(steps_per_epoch)).ceil() as u32;
        let rate = config.learning_rate_at(step, steps_per_epoch);
        ChangePoint { epoch, words: format!("learning rate {}", short(rate)) }
    });
    let cycle = config.kl_cycle();
    let rises = (0..config.kl_cycles).filter(|_| config.kl_warm_up > 0.0).flat_map(|index| {
        let begin = f64::from(index) * cycle;
        let full = Some(begin + config.kl_warm_up).filter(|_| config.kl_warm_up < cycle);
        let full = full.map(|epoch| (epoch, config.beta));
        Some((begin, 0.0)).filter(|_| index > 0).into_iter().chain(full)
    });
    let weight = rises.map(|(epoch, weight)| ChangePoint {
        epoch,
        words: format!("KL weight {}", short(weight)),
    });
    rate.chain(weight).collect()
}

/// Formats a number with as many digits as it has, or with three.
fn short(number: f64) -> String {
    let whole = number.to_string();
    if whole.len() <= 7 { whole } else { format!("{number:.2e}") }
}

/// Checks that no file that a run reads or writes is a link: a folder from elsewhere could make it
/// overwrite files outside the folder. Files that are replaced as a whole need no check.
fn check_links(folder: &Path) -> Result<()> {
    let earlier = folder.join(EARLIER);
    let files = [LOCK, CONFIG, METRICS, checkpoint::FILE_NAME].map(|name| folder.join(name));
    let folders = [folder, &earlier].map(|folder| FOLDERS.map(|name| folder.join(name)));
    let is_link = |path: &&PathBuf| path.is_symlink();
    match files.iter().chain(folders.as_flattened()).chain([&earlier]).find(is_link) {
        Some(link) => {
            let expected = "a file or folder of the run itself";
            Err(Error::file(link, expected, "a link").of_kind(FileKind::Link))
        }
        None => Ok(()),
    }
}

/// An exclusive lock on a folder.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file is not enough: a process that is being started also has it open for a
        // moment.
        let _ = self.0.unlock();
    }
}

/// Locks the folder of a setting, if the system supports locks.
fn lock(folder: &Path, setting: &'static str) -> Result<Option<Lock>> {
    let path = folder.join(LOCK);
    let file = File::create(&path).map_err(Error::io(&path, Action::Write))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock(file))),
        Err(TryLockError::WouldBlock) => Err(Error::Setting {
            setting,
            expected: "a run that is not in progress".to_owned(),
            found: format!("{}, which another process trains", folder.display()),
        }),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}

/// Checks that a checkpoint belongs to a run with these settings and data.
fn fits(path: &Path, checkpoint: &Checkpoint, config: &Config, data: u32) -> Result<()> {
    let Checkpoint { weights, state, .. } = checkpoint;
    let named = |binarize: Binarize| format!("{binarize:?}").to_lowercase();
    let layers = &weights.architecture;
    let wanted = config.architecture(layers.input())?;
    let facts = [
        ("hidden", format!("{:?}", config.hidden), format!("{:?}", layers.hidden())),
        (
            "decoder",
            format!("{:?}", wanted.decoder_hidden()),
            format!("{:?}", layers.decoder_hidden()),
        ),
        ("activation", config.activation.to_string(), layers.activation().to_string()),
        ("scale", config.scale.to_string(), layers.scale().to_string()),
        ("labels", format!("{:?}", config.labels), format!("{:?}", layers.labels())),
        ("likelihood", config.likelihood.name.to_owned(), layers.likelihood().name.to_owned()),
        (
            "pixel_stddev",
            format!("{:?}", wanted.pixel_stddev()),
            format!("{:?}", layers.pixel_stddev()),
        ),
        ("optimizer", config.optimizer.to_string(), state.optimizer.to_string()),
        ("seed", config.seed.to_string(), state.seed.to_string()),
        ("batch", config.batch.to_string(), state.batch.to_string()),
        ("binarize", named(config.binarize), named(state.binarize)),
    ];
    match facts.into_iter().find(|(_, expected, found)| expected != found) {
        Some((what, expected, found)) => {
            let expected = format!("{what} = {expected}, as in the run's {CONFIG}");
            Err(Error::file(path, expected, found))
        }
        None if data != state.data => Err(Error::Setting {
            setting: "data",
            expected: format!("the images of the run, of checksum {:08x}", state.data),
            found: format!("{}, of checksum {data:08x}", config.data),
        }),
        None => Ok(()),
    }
}
