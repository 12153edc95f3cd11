//! Recipes: settings of published results, with what they gave. A recipe is a file of settings in
//! `recipes/` with a table `[recipe]`; all files there are built in.

use super::{Config, ConfigFile};
use crate::Result;
use include_dir::{Dir, include_dir};
use serde::{Deserialize, Serialize};
use std::path::Path;

static RECIPES: Dir = include_dir!("$CARGO_MANIFEST_DIR/recipes");

/// Settings of a published result.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Its name: that of its file, without the extension.
    pub name: String,
    /// The published result, and the recipe's own.
    pub about: About,
    /// The settings.
    pub config: Config,
}

/// Content of the table `[recipe]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The model and its training, in a few words.
    pub about: String,
    /// Where the figure was published.
    pub source: String,
    /// Draws of each test image's latents for the negative log-likelihood, by importance sampling.
    pub importance_samples: usize,
    /// The published negative log-likelihood in nats per image; none if there is none to compare with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<f64>,
    /// The recipe's own result; none if it was not run to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reached: Option<Reached>,
}

/// The result of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reached {
    /// Negative log-likelihood of the test images, in nats per image.
    pub nll: f64,
    /// Its standard error over the images.
    pub standard_error: f64,
    /// Epochs of training.
    pub epochs: u32,
    /// Seconds of training.
    pub seconds: f64,
    /// Adapter, driver or CPU model, and core count.
    pub machine: String,
}

/// The table that is a recipe's own.
#[derive(Deserialize)]
struct File {
    recipe: About,
}

impl Recipe {
    /// Returns every recipe, by name.
    ///
    /// # Errors
    /// [`Error::File`](crate::Error::File) if a file is not one; a test checks the built-in ones.
    pub fn all() -> Result<Vec<Self>> {
        let mut all = RECIPES.files().map(Self::of).collect::<Result<Vec<_>>>()?;
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    fn of(file: &include_dir::File) -> Result<Self> {
        let path = Path::new("recipes").join(file.path());
        let text = file.contents_utf8().unwrap_or_default();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let ConfigFile { config, .. } = ConfigFile::parse(&path, text)?;
        let wrong = |error: toml::de::Error| {
            crate::Error::file(&path, "a recipe", error.to_string().trim_end())
        };
        let File { recipe } = toml::from_str(text).map_err(wrong)?;
        Ok(Self { name, about: recipe, config })
    }
}
