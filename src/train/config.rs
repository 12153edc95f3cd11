//! What a run is made of: everything that is needed to repeat it.

use super::Every;
use crate::data::{Reading, Size, Source};
use crate::device::gpu::Choices;
use crate::device::{Choice, Description};
use crate::graph::{Binarize, RmsProp};
use crate::kernel::CORES;
use crate::{Action, Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// See [`Source::data`].
    pub data: String,
    /// See [`Source::size`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// See [`Source::test_data`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_data: Option<String>,
    /// See [`Source::test_fraction`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test_fraction: Option<f64>,
    /// What becomes of grey pixels.
    pub binarize: Binarize,
    /// Only the first so many training images.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// The tutorial's `hidden_layer_sizes`: the last is the latent size.
    pub hidden: Vec<usize>,
    /// Times that each training image is seen.
    pub epochs: u32,
    /// Images of one step.
    pub batch: usize,
    /// RMSProp's step size.
    pub learning_rate: f64,
    /// Whether ops are fused.
    pub fuse: bool,
    /// Seed of the starting weights, the shuffles and the noise.
    pub seed: u64,
    /// Whether a run leaves event files for TensorBoard.
    pub tensorboard: bool,
    /// Every how many steps one has its kernels timed. No result depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_every: Option<u32>,
    /// How often a checkpoint is saved besides every epoch. No result depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<Every>,
    /// Every how many steps one is repeated on the f64 oracle, and compared. No result depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_check: Option<u32>,
    /// See [`Source::reading`].
    #[serde(skip_serializing_if = "is_default")]
    pub reading: Reading,
}

fn is_default(reading: &Reading) -> bool {
    *reading == Reading::default()
}

impl Default for Config {
    /// The tutorial's.
    fn default() -> Self {
        Self {
            data: "mnist".to_owned(),
            size: None,
            test_data: None,
            test_fraction: None,
            binarize: Binarize::Threshold,
            limit: None,
            hidden: vec![200, 100],
            epochs: 30,
            batch: 64,
            learning_rate: RmsProp::default().learning_rate,
            fuse: true,
            seed: 0,
            tensorboard: true,
            profile_every: None,
            checkpoint_every: None,
            self_check: None,
            reading: Reading::default(),
        }
    }
}

impl Config {
    /// Checks what can be checked without the data.
    ///
    /// # Errors
    /// [`Error::Setting`] that names the flag.
    pub fn check(&self) -> Result<()> {
        let wrong = |setting, expected: &str, found: String| {
            Err(Error::Setting { setting, expected: expected.to_owned(), found })
        };
        self.reading.check()?;
        if self.limit == Some(0) {
            return wrong("--limit", "at least 1 image", "0".to_owned());
        }
        if self.profile_every == Some(0) {
            return wrong("--profile-every", "at least 1 step", "0".to_owned());
        }
        if self.self_check == Some(0) {
            return wrong("--self-check", "at least 1 step", "0".to_owned());
        }
        if self.epochs == 0 {
            return wrong("--epochs", "at least 1", "0".to_owned());
        }
        // Kernels compute in f32.
        if !(self.learning_rate > 0.0 && (self.learning_rate as f32).is_normal()) {
            let expected = "a number above 0, from 1e-37 to 1e38";
            return wrong("--learning-rate", expected, self.learning_rate.to_string());
        }
        Ok(())
    }

    /// Checks the batch against the number of training images.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is empty or larger.
    pub fn check_batch(&self, count: usize) -> Result<()> {
        if (1..=count).contains(&self.batch) {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "--batch",
            expected: format!("1 to {count}, the number of training images"),
            found: self.batch.to_string(),
        })
    }

    /// Where the images come from.
    pub fn source(&self) -> Source {
        Source {
            data: self.data.clone(),
            size: self.size,
            test_data: self.test_data.clone(),
            test_fraction: self.test_fraction,
            reading: self.reading.clone(),
        }
    }

    /// The optimiser's constants.
    pub fn rmsprop(&self) -> RmsProp {
        RmsProp { learning_rate: self.learning_rate, ..RmsProp::default() }
    }
}

/// `config.toml`: the settings, and what they were run with.
#[derive(Clone, Debug, Serialize)]
pub struct RunConfig<'a> {
    /// Of wgvae.
    pub version: &'static str,
    /// The settings.
    #[serde(flatten)]
    pub config: &'a Config,
    /// Where it ran.
    pub device: &'a Description,
    /// The variant of each kernel, by call, where there was a choice.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub kernels: BTreeMap<String, String>,
}

impl<'a> RunConfig<'a> {
    /// The settings on a device.
    pub fn new(
        config: &'a Config,
        device: &'a Description,
        kernels: BTreeMap<String, String>,
    ) -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), config, device, kernels }
    }

    /// The file's text; `path` is where it will be.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be said in TOML.
    pub fn to_toml(&self, path: &Path) -> Result<String> {
        let failed = |error| Error::io(path, Action::Write)(std::io::Error::other(error));
        toml::to_string(self).map_err(failed)
    }
}

/// A file of settings, written by hand or left by a run. What it does not say is as by default.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// The settings.
    pub config: Config,
    /// Where to run: `device = "cpu"`, or the table that a run leaves.
    pub device: Option<Choice>,
    /// What a run was on, as that table says.
    pub described: Option<Description>,
    /// The variant of each kernel, by call.
    pub kernels: Choices,
}

/// What a file says besides the settings.
#[derive(Deserialize)]
struct Surroundings {
    /// Read only to be checked: any version's settings are understood, or refused by name.
    #[serde(default, rename = "version")]
    _version: String,
    device: Option<Device>,
    #[serde(default)]
    kernels: Choices,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a device's name, or a table with its name and backend")]
enum Device {
    Named(String),
    Described(Description),
}

impl Device {
    fn choice(&self) -> Choice {
        match self {
            Self::Described(description) => Choice::of(description),
            Self::Named(name) => {
                let Ok(choice) = name.parse();
                choice
            }
        }
    }

    fn description(self) -> Option<Description> {
        match self {
            Self::Described(description) => Some(description),
            Self::Named(_) => None,
        }
    }
}

impl ConfigFile {
    /// Reads settings.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::File`] if it is no TOML, has a setting of
    /// another type, or one that does not exist.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
        let wrong = |found: String| Error::file(path, "the settings of a run", found);
        let no_toml = |error: toml::de::Error| wrong(error.to_string().trim_end().to_owned());
        let table: toml::Table = toml::from_str(&text).map_err(no_toml)?;
        let known = keys();
        if let Some(unknown) = table.keys().find(|key| !known.contains(key)) {
            let meant = nearest(unknown, &known)
                .map_or(format!("which is none of {}", known.join(", ")), |key| {
                    format!("perhaps for `{key}`")
                });
            return Err(wrong(format!("`{unknown}`, {meant}")));
        }
        let Surroundings { device, kernels, .. } = toml::from_str(&text).map_err(no_toml)?;
        let variant = |name: &&String| CORES.iter().any(|core| core.name == name.as_str());
        if let Some(unknown) = kernels.values().find(|name| !variant(name)) {
            let known = CORES.iter().map(|core| core.name).collect::<Vec<_>>().join(", ");
            return Err(wrong(format!("variant {unknown}, which is none of {known}")));
        }
        let config = toml::from_str(&text).map_err(no_toml)?;
        let choice = device.as_ref().map(Device::choice);
        let described = device.and_then(Device::description);
        Ok(Self { config, device: choice, described, kernels })
    }
}

/// Every key that a file may have.
fn keys() -> Vec<String> {
    // Settings that are absent are not written.
    let every = Config {
        size: Size::new(1, 1),
        test_data: Some(String::new()),
        test_fraction: Some(0.0),
        limit: Some(1),
        profile_every: Some(1),
        checkpoint_every: "1".parse().ok(),
        self_check: Some(1),
        reading: Reading { header: Some(true), ..Reading::default() },
        ..Config::default()
    };
    let settings = toml::Table::try_from(every).unwrap_or_default();
    settings
        .into_iter()
        .map(|(key, _)| key)
        .chain(["version", "device", "kernels"].map(String::from))
        .collect()
}

/// The key that was probably meant, if one is similar.
fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a String> {
    // With dashes, as the flag has them.
    let key = key.replace('-', "_").to_lowercase();
    let likeness = |known: &&String| strsim::jaro_winkler(&key, known);
    let best = known.iter().max_by(|one, other| likeness(one).total_cmp(&likeness(other)))?;
    (likeness(&best) > 0.75).then_some(best)
}
