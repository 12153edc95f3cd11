//! Capture of a training step by RenderDoc from within the process, since there is no frame on a
//! screen to trigger it.

use super::{Workload, run, step};
use crate::device::Session;
use crate::{Error, Result};
use renderdoc::{RenderDoc, V110};
use std::path::{Path, PathBuf};
use std::ptr;

/// Runs a training step and makes RenderDoc write the device's commands to a file `name` followed
/// by `_capture.rdc` (and a number, if there is such a file). Returns the file.
///
/// RenderDoc must be loaded before the device is opened: for Vulkan, its layer is loaded if
/// `ENABLE_VULKAN_RENDERDOC_CAPTURE=1` is set.
///
/// # Errors
/// [`Error::Unsupported`] if RenderDoc is not loaded, or captured nothing, for example because the
/// device is not a GPU; the errors of [`profile`](super::profile).
pub fn capture(session: &mut dyn Session, workload: &Workload, name: &Path) -> Result<PathBuf> {
    let missing = |found: String| Error::Unsupported {
        adapter: session.description().name.clone(),
        expected: "RenderDoc in the process".to_owned(),
        found,
    };
    let mut renderdoc = RenderDoc::<V110>::new().map_err(|error| missing(error.to_string()))?;
    renderdoc.set_log_file_path_template(name);
    let (program, batch) = (workload.load(session)?, workload.batch);
    run(session, program, batch, 0..1)?;
    let captures = renderdoc.get_num_captures();
    // Any device, and no window.
    renderdoc.start_frame_capture(ptr::null(), ptr::null());
    // Each node in a debug group with its name.
    session.time_steps(program, &[step(batch, 1)])?;
    session.take_log(true)?;
    renderdoc.end_frame_capture(ptr::null(), ptr::null());
    let file = renderdoc.get_capture(captures).map(|(file, _)| file);
    file.ok_or_else(|| Error::Unsupported {
        adapter: session.description().name.clone(),
        expected: "a device that RenderDoc captures".to_owned(),
        found: "no capture".to_owned(),
    })
}
