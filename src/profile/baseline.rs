//! Comparison of a profile with an earlier one: what became slower or faster, and whether that is
//! more than noise.

use super::{KernelRow, Profile};
use crate::model::Architecture;
use crate::{Action, Error, Result};
use serde::Deserialize;
use std::fmt::{Display, Formatter};
use std::path::Path;

/// Share of a step below which a kernel's change is shown, but has no consequences.
const WORTH: f64 = 0.05;

/// The compared parts of an earlier profile, in the form that `wgvae profile --json` prints.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Baseline {
    adapter: String,
    batch: usize,
    input: usize,
    hidden: Vec<usize>,
    step_ms: f64,
    best_step_ms: f64,
    pace_gflops: f64,
    kernels: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Row {
    kernel: String,
    variant: String,
    shape: String,
    share: f64,
    best_us: f64,
    noise: f64,
}

/// Differences of a profile from an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Ratio of the time now to the time before for kernels that took a twentieth of a step or
    /// more: their median; 1 if there are none. Other load on the machine, or another clock rate,
    /// changes all kernels together. If only some kernels were timed it is `pace`: one kernel says
    /// nothing about the others.
    pub kernels: f64,
    /// Ratio of the time now to the time before for arithmetic alone.
    pub pace: f64,
    /// Changes of the whole step, then of each kernel.
    pub changes: Vec<Change>,
}

/// A change of a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Name of the step or kernel.
    pub what: String,
    /// Time before, in microseconds.
    pub before: f64,
    /// Time now, in microseconds.
    pub now: f64,
    /// Relative change that noise explains.
    pub noise: f64,
    /// Whether the time is longer by more than noise and by more than allowed.
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
    /// Reads the output of `wgvae profile --json`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read, [`Error::File`] if it is not a profile.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, Action::Read))?;
        serde_json::from_str(&text).map_err(|error| Error::file(path, "a profile in JSON", error))
    }

    /// Checks that the profile is of this model: those of others have no kernel in common with it.
    ///
    /// # Errors
    /// [`Error::Setting`] if it is of another model.
    pub fn check(&self, architecture: &Architecture, batch: usize) -> Result<()> {
        let before = Architecture::new(self.input, &self.hidden)?;
        if (&before, self.batch) == (architecture, batch) {
            return Ok(());
        }
        Err(Error::Setting {
            setting: "baseline",
            expected: format!("a profile of {architecture}, batch {batch}"),
            found: format!("one of {before}, batch {}", self.batch),
        })
    }

    /// Returns the adapter of the profile.
    pub fn adapter(&self) -> &str {
        &self.adapter
    }

    /// Compares a profile with this one: the whole step by its fastest rounds, and each kernel that
    /// both have in the same shape, in any variant. `allowed` is the relative change that is no
    /// failure. A slowdown must also exceed noise; that of a kernel also relative to the common
    /// change of all kernels, and that of the step also relative to the device's pace, so that
    /// other load on the machine does not count.
    pub fn compare(&self, profile: &Profile, allowed: f64) -> Comparison {
        let pairs: Vec<_> = profile.kernels.iter().filter_map(|row| self.pair(row)).collect();
        let pace = self.pace_gflops / profile.pace_gflops;
        let kernels = if profile.only.is_empty() { together(&pairs) } else { pace };
        let kernel = |(old, row): &(&Row, &KernelRow)| {
            let was = if old.variant == row.variant {
                String::new()
            } else {
                format!(" (was {})", old.variant)
            };
            let noise = old.noise.hypot(row.noise);
            let change = row.best_us / old.best_us;
            let least = change.min(change / kernels);
            Change {
                what: format!("{} {} {}{was}", row.kernel, row.shape, row.variant),
                before: old.best_us,
                now: row.best_us,
                noise,
                is_slower: old.share >= WORTH && least > 1.0 + allowed.max(noise),
            }
        };
        let step = self.step(profile, allowed, pace);
        let changes = std::iter::once(step).chain(pairs.iter().map(kernel)).collect();
        Comparison { kernels, pace, changes }
    }

    /// Compares the whole step, whose noise is how much slower the other rounds were than the
    /// fastest.
    fn step(&self, profile: &Profile, allowed: f64, pace: f64) -> Change {
        let (before, now) = (self.best_step_ms, profile.best_step_ms);
        let change = now / before;
        let noise = (self.step_ms / before).max(profile.step_ms / now) - 1.0;
        Change {
            what: "step".to_owned(),
            before: 1e3 * before,
            now: 1e3 * now,
            noise,
            is_slower: change.min(change / pace) > 1.0 + allowed.max(noise),
        }
    }

    /// Returns a row with its earlier counterpart.
    fn pair<'a>(&'a self, row: &'a KernelRow) -> Option<(&'a Row, &'a KernelRow)> {
        let same = |old: &&Row| (&*old.kernel, &old.shape) == (row.kernel.as_str(), &row.shape);
        self.kernels.iter().find(same).map(|old| (old, row))
    }
}

fn together(pairs: &[(&Row, &KernelRow)]) -> f64 {
    let worth = pairs.iter().filter(|(old, _)| old.share >= WORTH);
    let mut changes: Vec<_> = worth.map(|(old, row)| row.best_us / old.best_us).collect();
    changes.sort_by(f64::total_cmp);
    match changes.len() {
        0 => 1.0,
        count => 0.5 * (changes[(count - 1) / 2] + changes[count / 2]),
    }
}
