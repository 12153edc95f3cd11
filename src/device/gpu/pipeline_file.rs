//! The driver's compiled pipelines on disk, so that the next start compiles nothing: a file for
//! each adapter. Drivers with a cache of their own gain little. A fault of the file costs only the
//! time to compile, never a run.

use flate2::Crc;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Size of data in bytes from which the file is discarded: it accumulates pipelines of kernels that
/// have changed.
const LARGEST: usize = 64 << 20;

/// A pipeline cache and the file that it is kept in.
#[derive(Debug)]
pub(super) struct PipelineFile {
    path: PathBuf,
    pub(super) cache: wgpu::PipelineCache,
    /// Bytes of data in the file.
    kept: Mutex<usize>,
}

impl PipelineFile {
    /// Opens the pipeline cache of a device that supports it, with the data of the file in
    /// `folder`; none if wgpu has no name for the file.
    pub(super) fn open(device: &wgpu::Device, folder: &Path) -> Option<Self> {
        let path = folder.join(wgpu::util::pipeline_cache_key(&device.adapter_info())?);
        let data = read(&path);
        let wanted = wgpu::PipelineCacheDescriptor {
            label: Some("pipelines"),
            data: data.as_deref(),
            // Data of another driver is ignored.
            fallback: true,
        };
        #[allow(unsafe_code)]
        // SAFETY: the data was returned by a pipeline cache, as its checksum confirms; wgpu and the
        // driver check whether that was one of this device and driver.
        let cache = unsafe { device.create_pipeline_cache(&wanted) };
        Some(Self { path, cache, kept: Mutex::new(data.map_or(0, |data| data.len())) })
    }

    /// Writes the file if pipelines were added. Errors are ignored; the tuning cache has already
    /// warned about this folder.
    pub(super) fn keep(&self) {
        let Some(data) = self.cache.get_data() else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if data.len() != *kept {
            let bytes = [checksum(&data).as_slice(), &data].concat();
            let folder = self.path.parent().map_or(Ok(()), std::fs::create_dir_all);
            if folder.is_ok() && crate::file::replace(&self.path, &bytes).is_ok() {
                *kept = data.len();
            }
        }
    }
}

/// Returns the data of a file; none if it is incomplete.
fn read(path: &Path) -> Option<Vec<u8>> {
    let bytes = std::fs::read(path).ok()?;
    let (sum, data) = bytes.split_at_checked(size_of::<u32>())?;
    (data.len() <= LARGEST && checksum(data) == sum).then(|| data.to_vec())
}

fn checksum(data: &[u8]) -> [u8; 4] {
    let mut sum = Crc::new();
    sum.update(data);
    sum.sum().to_le_bytes()
}
