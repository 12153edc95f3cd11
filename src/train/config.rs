//! What a run is made of: everything that is needed to repeat it.

use crate::device::Description;
use crate::graph::{Binarize, RmsProp};
use crate::{Action, Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// The settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// `mnist`, or a folder of IDX files.
    pub data: String,
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
}

impl Default for Config {
    /// The tutorial's.
    fn default() -> Self {
        Self {
            data: "mnist".to_owned(),
            binarize: Binarize::Threshold,
            limit: None,
            hidden: vec![200, 100],
            epochs: 30,
            batch: 64,
            learning_rate: RmsProp::default().learning_rate,
            fuse: true,
            seed: 0,
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
        if self.limit == Some(0) {
            return wrong("--limit", "at least 1 image", "0".to_owned());
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

    /// Reads the settings of a run from its `config.toml`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read, [`Error::File`] if it is something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
        toml::from_str(&text).map_err(|error| Error::File {
            path: path.to_owned(),
            expected: "the settings of a run".to_owned(),
            found: error.to_string(),
        })
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
}
