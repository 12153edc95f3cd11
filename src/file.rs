//! Writing whole files: a reader sees the old one or the new one, never half of either.

use crate::{Action, Error, Result};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use tracing::debug;

/// Replaces a file: the bytes go to a draft beside it, which then takes its name.
///
/// # Errors
/// [`Error::Io`]; the old file is then as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut draft = OsString::from(".");
    draft.push(path.file_name().unwrap_or_default());
    draft.push(format!(".{}.tmp", std::process::id()));
    let draft = path.with_file_name(draft);
    let written = fs::write(&draft, bytes).and_then(|()| fs::rename(&draft, path));
    debug!("{}: {} bytes written", path.display(), bytes.len());
    written
        .inspect_err(|_| {
            // The first error is the one to report; there may be no draft at all.
            let _ = fs::remove_file(&draft);
        })
        .map_err(Error::io(path, Action::Write))
}
