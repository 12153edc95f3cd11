//! Event files of a run for TensorBoard: training set and test or validation set have separate folders and the same
//! tags, so that each chart has a line for each. TensorBoard names its runs after folders, so these
//! are directly in the run's folder: `five/train` and `five/test`. `step/…` and `kernels/…` are by
//! step, `epoch/…` and `pictures/…` by epoch.

use super::{Config, Drawing, EpochReport, KernelReport, Schedule, StepReport};
use crate::Result;
use crate::data::HeldOut;
use crate::eval::Measures;
use crate::file::Files;
use crate::profile::KernelTime;
use crate::report::tensorboard::{EventWriter, Setting};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The event files of a run.
#[derive(Debug)]
pub(super) struct Board {
    train: EventWriter,
    test: EventWriter,
}

/// The names that the folders may have, which TensorBoard shows.
pub(super) const FOLDERS: [&str; 3] = ["train", "test", "validation"];

/// The parent of these folders within a run that an earlier version began.
pub(super) const EARLIER: &str = "tensorboard";

/// The parent of the two folders of a run, which may not exist yet.
pub(super) fn folder_in(run: &Path) -> PathBuf {
    let earlier = run.join(EARLIER);
    if earlier.is_dir() { earlier } else { run.to_owned() }
}

impl Board {
    /// Creates `train/` and `test/`, or `validation/`, in a folder, with a file each.
    pub(super) fn create(files: &Arc<dyn Files>, folder: &Path, held_out: HeldOut) -> Result<Self> {
        let create = |name| EventWriter::create_in(Arc::clone(files), &folder.join(name));
        let [train, test] = ["train", held_out.name()].map(create);
        Ok(Self { train: train?, test: test? })
    }

    /// Resumes the files `events` after the given lengths.
    pub(super) fn resume(
        files: &Arc<dyn Files>,
        folder: &Path,
        held_out: HeldOut,
        events: &[(String, u64); 2],
    ) -> Result<Self> {
        let folders = ["train", held_out.name()];
        let resume = |index: usize| {
            let (name, len) = &events[index];
            EventWriter::resume(Arc::clone(files), &folder.join(folders[index]), name, *len)
        };
        Ok(Self { train: resume(0)?, test: resume(1)? })
    }

    /// Writes all events to stable storage, and returns the files' names and lengths.
    pub(super) fn sync(&mut self) -> Result<[(String, u64); 2]> {
        Ok([self.train.sync()?, self.test.sync()?])
    }

    /// Adds a step.
    pub(super) fn step(&mut self, report: &StepReport) -> Result<()> {
        let StepReport { step, elbo, log_likelihood, kl, .. } = *report;
        measures(&mut self.train, "step", step, &Measures { elbo, log_likelihood, kl })
    }

    /// Adds the times of a step's kernels, in microseconds.
    pub(super) fn kernels(&mut self, report: &KernelReport) -> Result<()> {
        report.kernels.iter().try_for_each(|KernelTime { kernel, shape, us, .. }| {
            self.train.scalar(&format!("kernels/{kernel} {shape}"), report.step, *us)
        })
    }

    /// Adds an epoch. On return the epoch and the steps before it are in the files.
    pub(super) fn epoch(&mut self, report: &EpochReport, gradient_norm: f64) -> Result<()> {
        let epoch = report.epoch.into();
        measures(&mut self.train, "epoch", epoch, &report.train)?;
        measures(&mut self.test, "epoch", epoch, &report.test)?;
        self.test.scalar("epoch/active_units", epoch, report.units.active as f64)?;
        self.train.scalar("epoch/images_per_second", epoch, report.images_per_second())?;
        self.train.scalar("epoch/learning_rate", epoch, report.learning_rate)?;
        self.train.scalar("epoch/kl_weight", epoch, report.kl_weight)?;
        self.train.scalar("epoch/gradient_norm", epoch, gradient_norm)?;
        self.train.flush()?;
        self.test.flush()
    }

    /// Adds the pictures after an epoch. On return they are in the files.
    pub(super) fn pictures(&mut self, epoch: u32, drawings: &[Drawing]) -> Result<()> {
        for Drawing { name, lines, tiles, .. } in drawings {
            self.test.image(&format!("pictures/{name}"), epoch.into(), lines, tiles)?;
        }
        self.test.flush()
    }
}

fn measures(file: &mut EventWriter, group: &str, step: u64, measures: &Measures) -> Result<()> {
    let Measures { elbo, log_likelihood, kl } = *measures;
    for (name, value) in [("elbo", elbo), ("log_likelihood", log_likelihood), ("kl", kl)] {
        file.scalar(&format!("{group}/{name}"), step, value)?;
    }
    Ok(())
}

/// Returns the settings by which TensorBoard compares runs: those of the model and of its training, with
/// the optimiser's constants.
pub(super) fn settings(config: &Config) -> Vec<(String, Setting)> {
    let number = |number: f64| Setting::Number(number);
    let text = |text: &str| Setting::Text(text.to_owned());
    let sizes = |sizes: &[usize]| {
        let sizes: Vec<_> = sizes.iter().map(usize::to_string).collect();
        Setting::Text(sizes.join(","))
    };
    let schedule = match config.schedule {
        Schedule::Constant => "constant",
        Schedule::Step { .. } => "step",
        Schedule::Cosine { .. } => "cosine",
        Schedule::Stages { .. } => "stages",
    };
    let own = [
        ("data", text(&config.data)),
        ("binarize", text(&format!("{:?}", config.binarize).to_lowercase())),
        ("hidden", sizes(&config.hidden)),
        ("activation", text(&config.activation.to_string())),
        ("scale", text(config.scale.name())),
        ("init", text(&config.init.to_string())),
        ("likelihood", text(config.likelihood.name)),
        ("objective", text(&format!("{:?}", config.objective).to_lowercase())),
        ("samples", number(config.samples as f64)),
        ("free_bits", number(config.free_bits)),
        ("beta", number(config.beta)),
        ("kl_warm_up", number(config.kl_warm_up)),
        ("kl_cycles", number(config.kl_cycles.into())),
        ("epochs", number(config.epochs.into())),
        ("batch", number(config.batch as f64)),
        ("learning_rate", number(config.learning_rate)),
        ("warm_up", number(config.warm_up)),
        ("schedule", text(schedule)),
        ("optimizer", text(config.optimizer.rule().name)),
        ("seed", number(config.seed as f64)),
    ];
    let optional = [
        ("decoder", config.decoder.as_deref().map(sizes)),
        ("pixel_stddev", config.pixel_stddev.map(number)),
        ("clip_norm", config.clip_norm.map(number)),
        ("ema", config.optimizer.average().map(number)),
        ("limit", config.limit.map(|limit| number(limit as f64))),
        ("patience", config.patience.map(|epochs| number(epochs.into()))),
    ];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let all = own.into_iter().chain(optional).map(|(name, value)| (name.to_owned(), value));
    let constants = config.optimizer.constants();
    all.chain(constants.map(|(name, value)| (format!("optimizer.{name}"), number(value)))).collect()
}
