//! Checkpoints, `checkpoint.safetensors`: the complete state for the next step of a run. The file
//! has the weights, under their names in the model's file, the optimiser's states, each under its
//! prefix and its weight's name (`rms.` for RMSProp's mean squares), and in its metadata the
//! position of the run ([`State`]). The step also depends on the settings, which are in the run's
//! `config.toml`, and on the data, of which there is a checksum.

use crate::data::{Levels, Split};
use crate::eval::Measures;
use crate::file::{Files, replace_in};
use crate::graph::Binarize;
use crate::model::{Architecture, Parameters, States, Weights, encode, to_bytes};
use crate::optimizer::Optimizer;
use crate::{Action, Error, Result};
use flate2::Crc;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// Position in a training, between two steps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Finished steps, over all epochs.
    pub step: u32,
    /// Sums of the measures of the steps of an unfinished epoch, each divided by the steps of the
    /// epoch.
    pub train: Measures,
    /// Seconds of those steps.
    pub seconds: f64,
}

/// State of a run, apart from weights and optimiser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Seed of the run.
    pub seed: u64,
    /// Images per step.
    pub batch: usize,
    /// Conversion of grey pixels.
    pub binarize: Binarize,
    /// The optimiser.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Checksum of the images ([`fingerprint`]).
    pub data: u32,
    /// Position in the training.
    pub position: Position,
    /// The best ELBO of the held-out images after an epoch so far.
    pub best: Option<f64>,
    /// Lengths of the growing files at this state.
    pub files: Lengths,
}

/// Lengths of a run's files that grow, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lengths {
    /// Length of `metrics.jsonl`.
    pub metrics: u64,
    /// Names and lengths of the event files in `train/` and `test/`.
    pub events: Option<[(String, u64); 2]>,
}

/// Everything that a run resumes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The weights.
    pub weights: Weights,
    /// Each of the optimiser's states, in the weights' order and shapes.
    pub states: States,
    /// The run's state.
    pub state: State,
}

/// Name of the checkpoint in the run's folder.
pub const FILE_NAME: &str = "checkpoint.safetensors";

impl Checkpoint {
    /// Writes the checkpoint and replaces an older one, which remains until this one is complete.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written; the older one is then unchanged.
    pub fn save(&self, files: &dyn Files, path: &Path) -> Result<()> {
        let failed = |error| Error::io(path, Action::Write)(std::io::Error::other(error));
        let state = serde_json::to_string(&self.state).map_err(failed)?;
        let checksum = self.checksum(&state).to_string();
        let metadata = HashMap::from([
            ("state".to_owned(), state),
            ("checksum".to_owned(), checksum),
            ("step".to_owned(), self.state.position.step.to_string()),
        ]);
        let prefixes = self.state.optimizer.states().map(|(state, _)| state.prefix);
        let states = prefixes.zip(self.states.iter().map(Vec::as_slice));
        let weights = ("", self.weights.values.as_slice());
        let groups: Vec<_> = [weights].into_iter().chain(states).collect();
        replace_in(files, path, &encode(path, &self.weights.architecture, &groups, metadata)?)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::File`] if it is not a checkpoint, or damaged.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path, Action::Read))?;
        Self::parse(path, &bytes)
    }

    /// Parses the bytes of a checkpoint's file.
    ///
    /// # Errors
    /// The errors of [`load`](Self::load).
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self> {
        let file = Parameters::parse(path, bytes)?;
        let wrong = |found: String| file.wrong("a checkpoint of a run", found);
        let text = file.entry("state").ok_or_else(|| wrong("no state in its metadata".into()))?;
        let state: State = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let architecture = file.architecture(None)?;
        let values = file.values(&architecture, "")?;
        let own = state.optimizer.states();
        let states = own
            .map(|(state, _)| file.values(&architecture, state.prefix))
            .collect::<Result<_>>()?;
        let checkpoint = Self { weights: Weights { architecture, values }, states, state };
        if file.entry("checksum") != Some(&checkpoint.checksum(text).to_string()) {
            return Err(wrong("a damaged one: its checksum differs".to_owned()));
        }
        Ok(checkpoint)
    }

    /// Returns the CRC-32 of the state, of the layers if they are not the usual ones, and of every number,
    /// in their order.
    fn checksum(&self, state: &str) -> u32 {
        let mut sum = Crc::new();
        sum.update(state.as_bytes());
        let layers = &self.weights.architecture;
        let usual = Architecture::new(layers.input(), layers.hidden());
        if !usual.is_ok_and(|usual| usual == *layers) {
            sum.update(layers.to_string().as_bytes());
        }
        for label in layers.labels() {
            sum.update(&(label.len() as u64).to_le_bytes());
            sum.update(label.as_bytes());
        }
        for values in self.weights.values.iter().chain(self.states.iter().flatten()) {
            update(&mut sum, values);
        }
        sum.sum()
    }
}

/// Returns the CRC-32 of all images of training, validation and test set, in their order, and of their
/// sizes.
pub fn fingerprint(data: &Split) -> u32 {
    fingerprint_with_labels(data, &[])
}

/// Like [`fingerprint`], for a model with these labels: the CRC-32 also covers the label of each image.
pub fn fingerprint_with_labels(data: &Split, labels: &[String]) -> u32 {
    let mut sum = Crc::new();
    for set in [Some(&data.train), data.validation.as_ref(), Some(&data.test)].into_iter().flatten()
    {
        sum.update(set.size.to_string().as_bytes());
        match &set.levels {
            Levels::Bytes(levels) => sum.update(levels),
            Levels::Reals(levels) => update(&mut sum, levels),
        }
        if !labels.is_empty() {
            // Other labels than those of the model have another length.
            let places = set.places(labels).unwrap_or_default();
            places.iter().for_each(|place| sum.update(&place.to_le_bytes()));
        }
    }
    sum.sum()
}

/// Adds the bytes of `values`.
fn update(sum: &mut Crc, values: &[f32]) {
    for values in values.chunks(1024) {
        sum.update(&to_bytes(values));
    }
}
