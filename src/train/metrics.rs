//! `metrics.jsonl`: the results of a run, one JSON object per line.

use super::{Change, EpochReport, KernelReport, StepReport};
use crate::data::HeldOut;
use crate::eval::Measures;
use crate::file::{Files, Growing};
use crate::report::EpochPoint;
use crate::{Action, Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A line of the file.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Step(&'a StepReport),
    Kernels(&'a KernelReport),
    Epoch {
        #[serde(flatten)]
        measured: Measured,
        learning_rate: f64,
        kl_weight: f64,
        gradient_norm: f64,
        active_units: usize,
        kl_per_unit: &'a [f64],
        seconds: f64,
        images_per_second: f64,
    },
    Settings(&'a Change),
}

/// The results of an epoch, without its time.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    epoch: u32,
    train_elbo: f64,
    train_kl: f64,
    #[serde(flatten)]
    held_out: HeldOutMeasured,
}

/// The results of the images that the training is watched by.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum HeldOutMeasured {
    Test { test_elbo: f64, test_kl: f64 },
    Validation { validation_elbo: f64, validation_kl: f64 },
}

impl HeldOutMeasured {
    fn new(held_out: HeldOut, Measures { elbo, kl, .. }: Measures) -> Self {
        match held_out {
            HeldOut::Test => Self::Test { test_elbo: elbo, test_kl: kl },
            HeldOut::Validation => Self::Validation { validation_elbo: elbo, validation_kl: kl },
        }
    }

    fn measures(&self) -> Measures {
        let (Self::Test { test_elbo: elbo, test_kl: kl }
        | Self::Validation { validation_elbo: elbo, validation_kl: kl }) = *self;
        measures(elbo, kl)
    }
}

fn measures(elbo: f64, kl: f64) -> Measures {
    Measures { elbo, log_likelihood: elbo + kl, kl }
}

/// The file while it is written.
#[derive(Debug)]
pub(super) struct Metrics(Growing);

impl Metrics {
    /// Creates an empty file.
    pub(super) fn create(files: Arc<dyn Files>, path: PathBuf) -> Result<Self> {
        Growing::create(files, path).map(Self)
    }

    /// Opens an existing file and truncates it to its first `len` bytes.
    pub(super) fn cut(files: Arc<dyn Files>, path: PathBuf, len: u64) -> Result<Self> {
        Growing::cut(files, path, len).map(Self)
    }

    pub(super) fn step(&mut self, report: &StepReport) -> Result<()> {
        self.line(&Line::Step(report))
    }

    pub(super) fn kernels(&mut self, report: &KernelReport) -> Result<()> {
        self.line(&Line::Kernels(report))
    }

    pub(super) fn epoch(&mut self, report: &EpochReport, gradient_norm: f64) -> Result<()> {
        let EpochReport { epoch, train, test, held_out, .. } = *report;
        let EpochReport { learning_rate, kl_weight, seconds, .. } = *report;
        let measured = Measured {
            epoch,
            train_elbo: train.elbo,
            train_kl: train.kl,
            held_out: HeldOutMeasured::new(held_out, test),
        };
        let images_per_second = report.images_per_second();
        self.line(&Line::Epoch {
            measured,
            learning_rate,
            kl_weight,
            gradient_norm,
            active_units: report.units.active,
            kl_per_unit: &report.units.kl,
            seconds,
            images_per_second,
        })
    }

    pub(super) fn settings(&mut self, change: &Change) -> Result<()> {
        self.line(&Line::Settings(&change.brief()))
    }

    /// Writes all lines to stable storage, and returns the file's length.
    pub(super) fn sync(&self) -> Result<u64> {
        self.0.sync()?;
        Ok(self.0.len())
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let failed = |error| Error::io(self.0.path(), Action::Write)(std::io::Error::from(error));
        let text = serde_json::to_string(line).map_err(failed)?;
        self.0.append(format!("{text}\n").as_bytes())
    }
}

/// The content of a file.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) epochs: Vec<EpochPoint>,
    pub(super) steps: Vec<StepReport>,
    /// The last change.
    pub(super) change: Option<Change>,
}

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<Told> {
    /// A line of a relevant kind.
    #[derive(Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Line {
        Epoch(Measured),
        Step(StepReport),
        Settings(Change),
        #[serde(other)]
        Else,
    }
    let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
    let mut all = Told::default();
    for line in text.lines() {
        match serde_json::from_str(line) {
            Ok(Line::Epoch(told)) => all.epochs.push(EpochPoint {
                epoch: told.epoch,
                train: measures(told.train_elbo, told.train_kl),
                test: told.held_out.measures(),
            }),
            Ok(Line::Step(step)) => all.steps.push(step),
            Ok(Line::Settings(change)) => all.change = Some(change),
            Ok(Line::Else) | Err(_) => {}
        }
    }
    Ok(all)
}
