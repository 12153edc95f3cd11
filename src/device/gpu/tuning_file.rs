//! The tuner's measurements on disk: one file for all adapters, by adapter, driver and kernels. A
//! fault of the file costs a measurement, never a run.

use super::tuner::Tuned;
use crate::device::Description;
use crate::kernel::{CORES, Sources, sources};
use crate::{Action, Error};
use etcetera::BaseStrategy;
use flate2::Crc;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tracing::warn;

/// Version of the file's format.
const VERSION: u32 = 1;

/// Files for which a warning was printed.
static WARNED: Mutex<BTreeSet<Option<PathBuf>>> = Mutex::new(BTreeSet::new());

/// Content of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    adapters: BTreeMap<String, BTreeMap<String, Tuned>>,
}

impl Default for Content {
    fn default() -> Self {
        Self { version: VERSION, adapters: BTreeMap::new() }
    }
}

/// The part of the file that belongs to an adapter and to some shaders.
#[derive(Debug)]
pub(super) struct TuningFile {
    path: Option<PathBuf>,
    adapter: String,
    /// Beginning of the names of parts that this one replaces, if shaders are edited: only those of
    /// the last edit are kept.
    earlier: Option<String>,
}

impl TuningFile {
    pub(super) fn new(path: Option<PathBuf>, description: &Description, sources: &Sources) -> Self {
        let Description { name, backend, driver } = description;
        let kernels = if sources.is_built_in() { "kernels" } else { "edited kernels" };
        let adapter = format!("{name}, {backend}, {driver}, {kernels} ");
        let earlier = Some(adapter.clone()).filter(|_| !sources.is_built_in());
        let adapter = format!("{adapter}{:08x}", kernels_sum(sources));
        let path = path.or_else(|| Some(cache_folder()?.join("tuning.json")));
        Self { path, adapter, earlier }
    }

    /// Reads the measurements; warns if that fails.
    pub(super) fn read(&self) -> BTreeMap<String, Tuned> {
        let no_folder = || Err("no folder for caches".to_owned());
        match self.path.as_deref().map_or_else(no_folder, content) {
            Ok(mut content) => content.adapters.remove(&self.adapter).unwrap_or_default(),
            Err(reason) => {
                self.warn(format_args!("{reason}: kernels are measured again"));
                BTreeMap::new()
            }
        }
    }

    /// Replaces the measurements; warns if that fails.
    pub(super) fn write(&self, known: &BTreeMap<String, Tuned>) {
        let Some(path) = self.path.as_deref() else { return };
        // An unreadable file is overwritten; `read` has already warned.
        let mut content = content(path).unwrap_or_default();
        if let Some(earlier) = &self.earlier {
            content.adapters.retain(|adapter, _| !adapter.starts_with(earlier));
        }
        content.adapters.insert(self.adapter.clone(), known.clone());
        if let Err(reason) = store(path, &content) {
            self.warn(format_args!("the measurements of kernels are not kept: {reason}"));
        }
    }

    /// Warns about this file once per process: a file that cannot be read usually cannot be
    /// replaced either.
    fn warn(&self, message: std::fmt::Arguments) {
        let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(self.path.clone()) {
            warn!("{message}");
        }
    }
}

fn store(path: &Path, content: &Content) -> crate::Result<()> {
    let failed = |error| Error::io(path, Action::Write)(error);
    let text = serde_json::to_string_pretty(content).map_err(|error| failed(error.into()))?;
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(failed)?;
    crate::file::replace(path, text.as_bytes())
}

/// Reads the file's content; a missing file is empty.
fn content(path: &Path) -> Result<Content, String> {
    let ignored = |reason: &dyn std::fmt::Display| format!("{}: {reason}", path.display());
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Content::default()),
        Err(error) => return Err(ignored(&error)),
    };
    let content: Content = serde_json::from_slice(&bytes).map_err(|error| ignored(&error))?;
    if content.version != VERSION {
        let reason = format!("expected version {VERSION}, found {}", content.version);
        return Err(ignored(&reason));
    }
    Ok(content)
}

/// Returns the folder `wgvae` in the user's cache folder.
pub(super) fn cache_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("wgvae"))
}

/// Returns a checksum of all shaders that the tuner chooses among.
fn kernels_sum(files: &Sources) -> u32 {
    let mut sum = Crc::new();
    sources().into_iter().for_each(|name| sum.update(files.text(name).as_bytes()));
    // This file generates the epilogues.
    sum.update(include_bytes!("../../kernel/text.rs"));
    CORES.iter().flat_map(|core| core.passes.concat()).for_each(|name| sum.update(name.as_bytes()));
    sum.sum()
}
