//! Files of settings: `config.toml`, which a run writes, and files that a user writes.

use super::{Change, Config, OutputBias, Schedule};
use crate::data::{Reading, Size, Validation};
use crate::device::Choices;
use crate::device::{Choice, Description};
use crate::kernel::CORES;
use crate::model::{Activation, Bound, GAUSSIAN, Init, Scale};
use crate::near::near;
use crate::optimizer::Optimizer;
use crate::{Action, Error, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Content of `config.toml`: the settings, and the device and kernels of the run.
#[derive(Clone, Debug, Serialize)]
pub struct RunConfig {
    /// Version of wgvae.
    pub version: &'static str,
    /// The settings.
    #[serde(flatten)]
    pub config: Config,
    /// Device on which the run began.
    pub device: Description,
    /// The variant of each kernel on that device, by call, where there was a choice.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    pub kernels: Choices,
}

impl RunConfig {
    /// Creates the content from the settings and the device.
    pub fn new(config: &Config, device: &Description, kernels: Choices) -> Self {
        let (config, device) = (config.clone(), device.clone());
        Self { version: env!("CARGO_PKG_VERSION"), config, device, kernels }
    }

    /// Returns the settings of a run that is resumed after `step`, with the history of devices in
    /// its `file`.
    #[cfg(all(feature = "plots", feature = "tensorboard"))]
    pub(super) fn after(mut self, step: u32, file: ConfigFile) -> Self {
        let earlier = file.config.changes.iter().filter(|change| change.step <= step);
        for Change { step, device, kernels, .. } in earlier.cloned() {
            if device.is_some() || kernels.is_some() {
                let change = self.config.change_after(step);
                (change.device, change.kernels) = (device, kernels);
            }
        }
        let Some(began) = file.described.clone().filter(|_| step > 0) else { return self };
        let last = file.latest();
        if last.described.as_ref() != Some(&self.device) {
            self.config.change_after(step).device = Some(self.device);
        }
        if last.kernels != self.kernels {
            self.config.change_after(step).kernels = Some(self.kernels);
        }
        Self { device: began, kernels: file.kernels, ..self }
    }

    /// Returns the file's text; `path` is its future place.
    ///
    /// # Errors
    /// [`Error::Io`] if the settings cannot be written as TOML.
    pub fn to_toml(&self, path: &Path) -> Result<String> {
        let failed = |error| Error::io(path, Action::Write)(std::io::Error::other(error));
        toml::to_string(self).map_err(failed)
    }
}

/// A file of settings, written by hand or by a run. Missing settings have their defaults.
#[derive(Clone, Debug, Default)]
pub struct ConfigFile {
    /// The settings.
    pub config: Config,
    /// Device to run on: `device = "cpu"`, or the table that a run writes.
    pub device: Option<Choice>,
    /// Device on which a run began, by that table.
    pub described: Option<Description>,
    /// The variant of each kernel, by call.
    pub kernels: Choices,
}

/// Entries of a file in addition to the settings.
#[derive(Deserialize)]
struct Surroundings {
    /// Only checked to be a string: settings of any version are accepted, or refused by name.
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
    /// Returns the file with the device that the run used last, and the variants of its kernels.
    pub fn latest(&self) -> Self {
        let mut file = self.clone();
        for Change { device, kernels, .. } in &self.config.changes {
            if let Some(device) = device {
                (file.device, file.described) = (Some(Choice::of(device)), Some(device.clone()));
            }
            file.kernels = kernels.clone().unwrap_or(file.kernels);
        }
        file
    }

    /// Reads settings.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::File`] if it is not TOML, or a setting
    /// has another type or does not exist.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
        Self::parse(path, &text)
    }

    /// Parses settings; `path` is their source.
    ///
    /// # Errors
    /// The errors of [`read`](Self::read), except those of reading.
    pub fn parse(path: &Path, text: &str) -> Result<Self> {
        let wrong = |found: String| Error::file(path, "the settings of a run", found);
        let no_toml = |error: toml::de::Error| wrong(error.to_string().trim_end().to_owned());
        let table: toml::Table = toml::from_str(text).map_err(no_toml)?;
        let known = keys();
        if let Some(unknown) = table.keys().find(|key| !known.contains(key)) {
            let meant = nearest(unknown, &known)
                .map_or(format!("which is none of {}", known.join(", ")), |key| {
                    format!("similar to `{key}`")
                });
            return Err(wrong(format!("`{unknown}`, {meant}")));
        }
        let Surroundings { device, kernels, .. } = toml::from_str(text).map_err(no_toml)?;
        let variant = |name: &&String| CORES.iter().any(|core| core.name == name.as_str());
        if let Some(unknown) = kernels.values().find(|name| !variant(name)) {
            let known = CORES.iter().map(|core| core.name).collect::<Vec<_>>().join(", ");
            return Err(wrong(format!("variant {unknown}, which is none of {known}")));
        }
        let config = toml::from_str(text).map_err(no_toml)?;
        let choice = device.as_ref().map(Device::choice);
        let described = device.and_then(Device::description);
        Ok(Self { config, device: choice, described, kernels })
    }
}

/// Returns every key that a file may have.
fn keys() -> Vec<String> {
    // Unset options are not serialised, so all are set here.
    let every = Config {
        size: Size::new(1, 1),
        test_data: Some(String::new()),
        test_fraction: Some(0.0),
        limit: Some(1),
        activation: Activation::all().find(|one| *one != Activation::default()).unwrap_or_default(),
        profile_every: Some(1),
        checkpoint_every: "1".parse().ok(),
        self_check: Some(1),
        optimizer: Optimizer::default().with("decay", 0.5).unwrap_or_default(),
        validation: Some(Validation::Own),
        patience: Some(1),
        decoder: Some(Vec::new()),
        scale: Scale::LogVariance,
        init: Init::He,
        output_bias: OutputBias::Data,
        likelihood: &GAUSSIAN,
        pixel_stddev: Some(1.0),
        conditional: true,
        labels: vec![String::new()],
        from: Some(String::new()),
        objective: Bound::Iwae,
        samples: 2,
        free_bits: 1.0,
        clip_norm: Some(1.0),
        warm_up: 1.0,
        beta: 2.0,
        kl_warm_up: 1.0,
        kl_cycles: 2,
        schedule: Schedule::Cosine { floor: 0.0 },
        reading: Reading { header: Some(true), ..Reading::default() },
        changes: vec![Change::default()],
        ..Config::default()
    };
    let settings = toml::Table::try_from(every).unwrap_or_default();
    settings
        .into_iter()
        .map(|(key, _)| key)
        .chain(["version", "device", "kernels", "recipe"].map(String::from))
        .collect()
}

/// Returns the most similar key, if one is similar.
fn nearest<'a>(key: &str, known: &'a [String]) -> Option<&'a str> {
    // The key may have the dashes of a flag.
    let key = key.replace('-', "_").to_lowercase();
    near(&key, known.iter().map(String::as_str)).into_iter().next()
}
