//! A profile against an earlier one: what became slower or faster, and whether that is more than
//! noise.

use super::Profile;
use crate::{Action, Error, Result};
use serde::Deserialize;
use std::fmt::{Display, Formatter};
use std::path::Path;

/// Kernels below this share of a step are told of, but nothing follows.
const WORTH: f64 = 0.05;

/// What of an earlier profile is compared, as `wgvae profile --json` printed it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Baseline {
    adapter: String,
    batch: usize,
    hidden: Vec<usize>,
    best_step_ms: f64,
    step_noise: f64,
    kernels: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Row {
    kernel: String,
    variant: String,
    shape: String,
    best_us: f64,
    noise: f64,
}

/// How a time changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Whose time.
    pub what: String,
    /// Before, in microseconds.
    pub before: f64,
    /// Now, in microseconds.
    pub now: f64,
    /// The relative change that noise explains.
    pub noise: f64,
    /// Whether it is slower by more than noise and by more than was allowed.
    pub is_slower: bool,
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter) -> std::fmt::Result {
        let Self { what, before, now, noise, is_slower } = self;
        let change = 100.0 * (now / before - 1.0);
        let verdict = if *is_slower { "  SLOWER" } else { "" };
        let noise = 100.0 * noise;
        write!(
            f,
            "{what:<66} {before:>9.1} -> {now:>9.1} us {change:>+7.1} % (noise {noise:.0} %){verdict}"
        )
    }
}

impl Baseline {
    /// Reads what `wgvae profile --json` printed.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is no profile.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
        serde_json::from_str(&text).map_err(|error| Error::File {
            path: path.to_owned(),
            expected: "what `wgvae profile --json` prints".to_owned(),
            found: error.to_string(),
        })
    }

    /// How a profile differs: the whole step, then each kernel that both have in the same shape,
    /// whichever variant it is computed by; each by its best time. `allowed` is the relative change
    /// that is no failure; what is slower has to be so by more than the best times could be
    /// repeated, too.
    pub fn compare(&self, profile: &Profile, allowed: f64) -> Vec<Change> {
        let change = |what: String, before: f64, now: f64, noise: f64, matters: bool| {
            let is_slower = matters && now > before * (1.0 + allowed.max(noise));
            Change { what, before, now, noise, is_slower }
        };
        let mut changes = vec![change(
            "step".to_owned(),
            1e3 * self.best_step_ms,
            1e3 * profile.best_step_ms,
            self.step_noise.max(profile.step_noise),
            true,
        )];
        for row in &profile.kernels {
            let same = |old: &&Row| (&*old.kernel, &old.shape) == (row.kernel, &row.shape);
            if let Some(old) = self.kernels.iter().find(same) {
                let was = if old.variant == row.variant {
                    String::new()
                } else {
                    format!(" (was {})", old.variant)
                };
                let what = format!("{} {} {}{was}", row.kernel, row.shape, row.variant);
                let noise = old.noise.max(row.noise);
                changes.push(change(what, old.best_us, row.best_us, noise, row.share >= WORTH));
            }
        }
        changes
    }
}
