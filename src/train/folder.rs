//! A run's folder: what a run leaves behind.

use super::board::Board;
use super::{Drawing, EpochReport, KernelReport, RunConfig, StepReport};
use crate::model::{self, Weights};
use crate::report::{EpochPoint, elbo_curve};
use crate::{Action, Error, Result};
use serde::Serialize;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Every so many steps one is written down.
const STEPS_PER_LINE: u64 = 100;

/// A line of `metrics.jsonl`.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'a> {
    Step(StepReport),
    Kernels(&'a KernelReport),
    Epoch {
        epoch: u32,
        train_elbo: f64,
        train_kl: f64,
        test_elbo: f64,
        test_kl: f64,
        seconds: f64,
        images_per_second: f64,
    },
}

/// A folder with `config.toml`, `metrics.jsonl`, `model.safetensors`, pictures and, unless the
/// run's settings say otherwise, `tensorboard/`.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    metrics: File,
    curve: Vec<EpochPoint>,
    board: Option<Board>,
}

impl RunFolder {
    /// Makes the folder, which must not hold a run yet, and writes `config.toml`.
    ///
    /// # Errors
    /// [`Error::Setting`] if a run is there already, [`Error::Io`] if it cannot be written.
    pub fn create(path: &Path, config: &RunConfig) -> Result<Self> {
        fs::create_dir_all(path).map_err(Error::io(path, Action::Write))?;
        let file = path.join("config.toml");
        if file.exists() {
            return Err(Error::Setting {
                setting: "--run",
                expected: "a new folder".to_owned(),
                found: format!("{}, which holds a run already", path.display()),
            });
        }
        let text = toml::to_string(config).map_err(|error| Error::Io {
            path: file.clone(),
            action: Action::Write,
            source: std::io::Error::other(error),
        })?;
        crate::file::replace(&file, text.as_bytes())?;
        let file = path.join("metrics.jsonl");
        let metrics = File::create(&file).map_err(Error::io(&file, Action::Write))?;
        let board = config.config.tensorboard.then(|| Board::create(&path.join("tensorboard")));
        let board = board.transpose()?;
        Ok(Self { path: path.to_owned(), metrics, curve: Vec::new(), board })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Writes every hundredth step down.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn step(&mut self, report: &StepReport) -> Result<()> {
        if report.step.is_multiple_of(STEPS_PER_LINE) {
            self.line(&Line::Step(*report))?;
            if let Some(board) = &mut self.board {
                board.step(report)?;
            }
        }
        Ok(())
    }

    /// Writes the times of a step's kernels down.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn kernels(&mut self, report: &KernelReport) -> Result<()> {
        self.line(&Line::Kernels(report))?;
        self.board.as_mut().map_or(Ok(()), |board| board.kernels(report))
    }

    /// Writes an epoch down, and its model.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn epoch(&mut self, report: &EpochReport, weights: &Weights) -> Result<()> {
        let EpochReport { epoch, train, test, duration, .. } = *report;
        self.line(&Line::Epoch {
            epoch,
            train_elbo: train.elbo,
            train_kl: train.kl,
            test_elbo: test.elbo,
            test_kl: test.kl,
            seconds: duration.as_secs_f64(),
            images_per_second: report.images_per_second(),
        })?;
        if let Some(board) = &mut self.board {
            board.epoch(report)?;
        }
        self.curve.push(EpochPoint { epoch, train, test });
        model::save(&self.file("model.safetensors"), weights)
    }

    /// Draws `elbo.png`, unless there was no epoch.
    ///
    /// # Errors
    /// [`Error::Picture`] or [`Error::Io`].
    pub fn draw_curve(&self, title: &str) -> Result<()> {
        if self.curve.is_empty() {
            return Ok(());
        }
        elbo_curve(&self.file("elbo.png"), title, &self.curve)
    }

    /// Adds the pictures after an epoch to what TensorBoard shows.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn show_pictures(&mut self, epoch: u32, drawings: &[Drawing]) -> Result<()> {
        self.board.as_mut().map_or(Ok(()), |board| board.pictures(epoch, drawings))
    }

    /// Writes pictures, each to the PNG file of its name.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save_pictures(&self, drawings: &[Drawing]) -> Result<()> {
        let mut drawings = drawings.iter();
        drawings.try_for_each(|Drawing { name, png }| png.save(&self.file(&format!("{name}.png"))))
    }

    fn line(&mut self, line: &Line) -> Result<()> {
        let text = serde_json::to_string(line).map_err(std::io::Error::from);
        let written = text.and_then(|text| writeln!(self.metrics, "{text}"));
        written.map_err(Error::io(&self.file("metrics.jsonl"), Action::Write))
    }
}
