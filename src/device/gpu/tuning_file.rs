//! What was measured, on disk: one file for all adapters, by adapter, driver and kernels. Anything
//! wrong with it costs a measurement, never a run.

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

/// Of the file's format.
const VERSION: u32 = 1;

/// The files that were warned of.
static WARNED: Mutex<BTreeSet<Option<PathBuf>>> = Mutex::new(BTreeSet::new());

/// The file's content.
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
    /// Beginning of the names of parts that this one replaces, if shaders are the user's: only those of
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

    /// What is known; warns if it cannot be read.
    pub(super) fn read(&self) -> BTreeMap<String, Tuned> {
        let no_folder = || Err("no folder for caches".to_owned());
        match self.path.as_deref().map_or_else(no_folder, content) {
            Ok(mut content) => content.adapters.remove(&self.adapter).unwrap_or_default(),
            Err(reason) => {
                self.warn(format_args!("{reason}: kernels are chosen anew"));
                BTreeMap::new()
            }
        }
    }

    /// Replaces what is known; warns if that is not possible.
    pub(super) fn write(&self, known: &BTreeMap<String, Tuned>) {
        let Some(path) = self.path.as_deref() else { return };
        // What cannot be read is replaced; reading it has been complained about.
        let mut content = content(path).unwrap_or_default();
        if let Some(earlier) = &self.earlier {
            content.adapters.retain(|adapter, _| !adapter.starts_with(earlier));
        }
        content.adapters.insert(self.adapter.clone(), known.clone());
        if let Err(reason) = store(path, &content) {
            self.warn(format_args!("the choice of kernels is not kept: {reason}"));
        }
    }

    /// Warns of this file once in a process: what cannot be read cannot be replaced, either.
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

/// The file's content; that of a file which is not there is empty.
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

/// `wgvae` in the user's folder for caches.
pub(super) fn cache_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.cache_dir().join("wgvae"))
}

/// A checksum of all shaders that are chosen among.
fn kernels_sum(files: &Sources) -> u32 {
    let mut sum = Crc::new();
    sources().into_iter().for_each(|name| sum.update(files.text(name).as_bytes()));
    // Which writes the epilogues.
    sum.update(include_bytes!("../../kernel/text.rs"));
    CORES.iter().flat_map(|core| core.passes.concat()).for_each(|name| sum.update(name.as_bytes()));
    sum.sum()
}
