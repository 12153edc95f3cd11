//! What a run is made of: everything that is needed to repeat it.

use super::Every;
use crate::data::{Reading, Size, Source};
use crate::device::gpu::Choices;
use crate::device::{Choice, Description};
use crate::graph::{Binarize, RmsProp};
use crate::kernel::CORES;
use crate::{Action, Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt::{Display, Formatter};
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
    /// What was another later on, in the order of the steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// What a run goes on with after a step, where that is another than before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Steps before it, over all epochs; at least 1.
    pub step: u32,
    /// RMSProp's step size from there on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learning_rate: Option<f64>,
    /// Where the run went on. Not repeated: a run of its settings is on one device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<Description>,
    /// The variants there, as [`ConfigFile::kernels`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernels: Option<Choices>,
}

impl Change {
    /// Without the variants, where the device says as much.
    pub fn brief(&self) -> Self {
        let kernels = self.kernels.clone().filter(|_| self.device.is_none());
        Self { kernels, ..self.clone() }
    }

    fn is_empty(&self) -> bool {
        self.learning_rate.is_none() && self.device.is_none() && self.kernels.is_none()
    }
}

impl Display for Change {
    /// `learning rate 0.0005, on llvmpipe`, with the adapter's name.
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let rate = self.learning_rate.map(|rate| format!("learning rate {rate}"));
        let device = self.device.as_ref().map(|device| format!("on {}", device.name));
        let kernels = self.kernels.as_ref().filter(|_| device.is_none());
        let kernels = kernels.map(|_| "other variants of kernels".to_owned());
        let parts: Vec<_> = [rate, device, kernels].into_iter().flatten().collect();
        f.write_str(&parts.join(", "))
    }
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
            changes: Vec::new(),
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
        let is_step_size = |rate: &f64| *rate > 0.0 && (*rate as f32).is_normal();
        if let Some(rate) = self.learning_rates().find(|rate| !is_step_size(rate)) {
            let expected = "a number above 0, from 1e-37 to 1e38";
            return wrong("--learning-rate", expected, rate.to_string());
        }
        let steps: Vec<_> = [0].into_iter().chain(self.changes.iter().map(|c| c.step)).collect();
        if let Some(pair) = steps.windows(2).find(|pair| pair[0] >= pair[1]) {
            let expected =
                format!("changes in the order of their steps, from 1 on: one after {}", pair[0]);
            return wrong("--config", &expected, pair[1].to_string());
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

    /// The optimiser's constants after so many steps.
    pub fn rmsprop_after(&self, step: u32) -> RmsProp {
        RmsProp { learning_rate: self.learning_rate_after(step), ..RmsProp::default() }
    }

    /// RMSProp's step size after so many steps.
    pub fn learning_rate_after(&self, step: u32) -> f64 {
        let before = self.changes.iter().take_while(|change| change.step <= step);
        before.filter_map(|change| change.learning_rate).last().unwrap_or(self.learning_rate)
    }

    /// RMSProp's step sizes, from the first on.
    pub fn learning_rates(&self) -> impl Iterator<Item = f64> {
        let later = self.changes.iter().filter_map(|change| change.learning_rate);
        [self.learning_rate].into_iter().chain(later)
    }

    /// Steps from this one to the next change.
    pub(super) fn steps_to_change(&self, step: u32) -> u32 {
        let later = self.changes.iter().find(|change| change.step > step);
        later.map_or(u32::MAX, |change| change.step - step)
    }

    /// From this step on another step size for good: whatever was to come later is dropped.
    pub fn set_learning_rate(&mut self, step: u32, rate: f64) {
        for change in self.changes.iter_mut().filter(|change| change.step >= step) {
            change.learning_rate = None;
        }
        self.changes.retain(|change| !change.is_empty());
        if step == 0 {
            self.learning_rate = rate;
        } else if self.learning_rate_after(step) != rate {
            self.change_after(step).learning_rate = Some(rate);
        }
    }

    /// What changes after a step, nothing if it was not there.
    fn change_after(&mut self, step: u32) -> &mut Change {
        let at = self.changes.partition_point(|change| change.step < step);
        if self.changes.get(at).is_none_or(|change| change.step != step) {
            self.changes.insert(at, Change { step, ..Change::default() });
        }
        &mut self.changes[at]
    }

    /// Drops what is not repeated: where the run was from some step on.
    pub fn forget_devices(&mut self) {
        for change in &mut self.changes {
            (change.device, change.kernels) = (None, None);
        }
        self.changes.retain(|change| !change.is_empty());
    }
}

/// `config.toml`: the settings, and what they were run with.
#[derive(Clone, Debug, Serialize)]
pub struct RunConfig {
    /// Of wgvae.
    pub version: &'static str,
    /// The settings.
    #[serde(flatten)]
    pub config: Config,
    /// Where it began.
    pub device: Description,
    /// The variant of each kernel there, by call, where there was a choice.
    #[serde(skip_serializing_if = "Choices::is_empty")]
    pub kernels: Choices,
}

impl RunConfig {
    /// The settings on a device.
    pub fn new(config: &Config, device: &Description, kernels: Choices) -> Self {
        let (config, device) = (config.clone(), device.clone());
        Self { version: env!("CARGO_PKG_VERSION"), config, device, kernels }
    }

    /// The settings of a run that goes on after a step, where `file` has what it left.
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
    /// What a run began on, as that table says.
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
    /// With the device that the run was on last, and the variants there.
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
        changes: vec![Change::default()],
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
