//! An open device: wgpu's device and queue, and the first fault that either reported.

use super::adapter::AdapterInfo;
use super::clock::Clock;
use super::pipeline::{Chosen, Pipeline, Pipelines};
use super::pipeline_file::PipelineFile;
use super::tuning_file::cache_folder;
use crate::device::Description;
use crate::kernel::{Core, Passing, Sources, Variant};
use crate::{Error, Fault, Result};
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

/// Time limit for wgpu's report of a mapping after the submit is done. The report is immediate,
/// unless another thread that polls the same device is interrupted before it reports.
const MAP_TIMEOUT: Duration = Duration::from_secs(60);

/// Time limit of a submit. Submits of steps aim at a tenth of a second, but one step of a large
/// model may take minutes on a driver that runs on the CPU.
const SUBMIT_TIMEOUT: Duration = Duration::from_secs(600);

/// A staging buffer on its way to the host.
#[derive(Debug)]
pub(super) struct Mapping {
    staging: wgpu::Buffer,
    bytes: u64,
    result: mpsc::Receiver<std::result::Result<(), wgpu::BufferAsyncError>>,
}

impl Mapping {
    /// The buffer.
    pub(super) fn staging(&self) -> &wgpu::Buffer {
        &self.staging
    }

    /// Returns the numbers in the buffer, whose submit is done, and unmaps it.
    pub(super) fn read<N: bytemuck::AnyBitPattern, T>(
        self,
        take: impl FnOnce(&[N]) -> T,
    ) -> std::result::Result<T, String> {
        let mapped = self.result.recv_timeout(MAP_TIMEOUT);
        mapped.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        let bytes = self.staging.get_mapped_range(..self.bytes);
        let bytes = bytes.map_err(|error| error.to_string())?;
        let taken = take(bytemuck::cast_slice(&bytes));
        drop(bytes);
        self.staging.unmap();
        Ok(taken)
    }
}

/// Begins a compute pass.
pub(super) fn begin_pass<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    label: &str,
) -> wgpu::ComputePass<'a> {
    let (label, timestamp_writes) = (Some(label), None);
    encoder.begin_compute_pass(&wgpu::ComputePassDescriptor { label, timestamp_writes })
}

/// An open adapter. Clones share the device.
#[derive(Clone, Debug)]
pub struct Gpu {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) description: Description,
    /// Whether the four invocations of a quad can exchange values.
    has_quads: bool,
    /// Whether wgpu also bounds loops.
    pub(super) is_checked: bool,
    /// The files of shaders.
    pub(super) sources: Sources,
    /// Whether the driver runs on the CPU.
    pub(super) is_software: bool,
    /// The vendor's PCI id.
    vendor: u32,
    /// Layout of the arguments' bind group; none if they are immediate data.
    arguments_layout: Option<wgpu::BindGroupLayout>,
    /// The clock, locked during a timing because its buffers are shared.
    pub(super) clock: Option<Arc<Mutex<Clock>>>,
    fault: Arc<Mutex<Option<String>>>,
    pipelines: Arc<Pipelines>,
    pipeline_file: Option<Arc<PipelineFile>>,
}

impl Gpu {
    pub(super) fn open(adapter: &wgpu::Adapter, info: &AdapterInfo) -> Result<Self> {
        let optional = adapter.features()
            & (wgpu::Features::IMMEDIATES
                | wgpu::Features::SUBGROUP
                | wgpu::Features::TIMESTAMP_QUERY
                | wgpu::Features::TIMESTAMP_QUERY_INSIDE_PASSES
                | wgpu::Features::PIPELINE_CACHE);
        let wanted = wgpu::DeviceDescriptor {
            label: Some("wgvae"),
            required_features: optional,
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let opened = pollster::block_on(adapter.request_device(&wanted));
        let (device, queue) = opened.map_err(|error| Error::Device {
            adapter: info.name.clone(),
            step: None,
            message: error.to_string(),
            fault: Fault::Failure,
        })?;
        let gpu = Self {
            is_checked: false,
            sources: Sources::default(),
            is_software: info.kind == "software",
            vendor: adapter.get_info().vendor,
            arguments_layout: None,
            clock: Clock::new(&device, &queue).map(|clock| Arc::new(Mutex::new(clock))),
            device,
            queue,
            description: info.description(),
            has_quads: optional.contains(wgpu::Features::SUBGROUP) && info.subgroup_sizes[0] >= 4,
            fault: Arc::default(),
            pipelines: Arc::default(),
            pipeline_file: None,
        };
        gpu.watch();
        gpu.passing_by(info.arguments)
    }

    /// Returns the same device with kernels that get their arguments in this way.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if `passing` is immediate data and the adapter has none.
    pub fn passing_by(mut self, passing: Passing) -> Result<Self> {
        let has_immediates = self.device.features().contains(wgpu::Features::IMMEDIATES);
        self.arguments_layout = match passing {
            Passing::Immediate if has_immediates => None,
            Passing::Immediate => {
                return Err(Error::Unsupported {
                    adapter: self.description.name,
                    expected: passing.to_string(),
                    found: "none".to_owned(),
                });
            }
            Passing::Uniform => Some(arguments_layout(&self.device)),
        };
        Ok(self)
    }

    /// Returns how kernels get their arguments.
    pub fn passing(&self) -> Passing {
        if self.arguments_layout.is_some() { Passing::Uniform } else { Passing::Immediate }
    }

    /// Layout of the arguments' bind group; none if they are immediate data.
    pub(super) fn arguments_layout(&self) -> Option<&wgpu::BindGroupLayout> {
        self.arguments_layout.as_ref()
    }

    /// Returns the same device with all of wgpu's checks in shaders, or without the bounds that
    /// wgpu puts on loops.
    pub fn checked(mut self, checked: bool) -> Self {
        self.is_checked = checked;
        self.pipelines = Arc::default();
        self
    }

    /// Returns the same device with kernels that are assembled from these files. Loops of modules
    /// with a user's file keep the bounds that wgpu puts on them: no test has checked that they
    /// end.
    pub fn reading(mut self, sources: Sources) -> Self {
        self.sources = sources;
        self.pipelines = Arc::default();
        self
    }

    /// Returns the same device with compiled pipelines kept in a folder: the user's cache folder if
    /// none is given.
    pub fn remembering(mut self, folder: Option<PathBuf>) -> Self {
        let folder = folder.or_else(cache_folder).filter(|_| self.has_pipeline_cache());
        let file = folder.and_then(|folder| PipelineFile::open(&self.device, &folder));
        self.pipeline_file = file.map(Arc::new);
        self
    }

    /// Whether the driver supports pipeline caches.
    pub fn has_pipeline_cache(&self) -> bool {
        self.device.features().contains(wgpu::Features::PIPELINE_CACHE)
    }

    /// Returns the driver's pipeline cache, if pipelines are kept.
    pub(super) fn pipeline_cache(&self) -> Option<&wgpu::PipelineCache> {
        self.pipeline_file.as_ref().map(|file| &file.cache)
    }

    /// Saves the pipelines that were created so far.
    pub(super) fn keep_pipelines(&self) {
        if let Some(file) = &self.pipeline_file {
            file.keep();
        }
    }

    /// Records the errors that wgpu reports outside of the calls that cause them: without a handler
    /// it panics.
    fn watch(&self) {
        let keep = |fault: &Mutex<Option<String>>, message: String| {
            fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(message);
        };
        let fault = Arc::clone(&self.fault);
        self.device.on_uncaptured_error(Arc::new(move |error| keep(&fault, error.to_string())));
        let fault = Arc::clone(&self.fault);
        self.device.set_device_lost_callback(move |reason, message| {
            if reason != wgpu::DeviceLostReason::Destroyed {
                keep(&fault, format!("the device was lost: {message}"));
            }
        });
    }

    /// Returns the first fault so far, as an error that names the step.
    pub(super) fn check(&self, step: Option<u64>) -> Result<()> {
        let fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        match &*fault {
            Some(message) => Err(self.error(step, message)),
            None => Ok(()),
        }
    }

    pub(super) fn error(&self, step: Option<u64>, message: &dyn std::fmt::Display) -> Error {
        let adapter = self.description.name.clone();
        Error::Device { adapter, step, message: message.to_string(), fault: Fault::Failure }
    }

    /// Whether the device can run a variant.
    pub fn has(&self, variant: Variant) -> bool {
        variant.core().is_none_or(|core| self.has_quads || !core.subgroups)
    }

    /// Whether a variant may be the fastest on the device.
    pub(super) fn suits(&self, variant: Variant) -> bool {
        let suits = |core: &Core| core.suits(self.is_software, self.vendor);
        variant.core().is_none_or(suits)
    }

    /// Begins to record commands. Labels appear in RenderDoc, Nsight, Xcode and validation
    /// messages.
    pub(super) fn encoder(&self, label: &str) -> wgpu::CommandEncoder {
        let wanted = wgpu::CommandEncoderDescriptor { label: Some(label) };
        self.device.create_command_encoder(&wanted)
    }

    /// Returns the pipeline for a call of a kernel; all sessions of the device share it.
    ///
    /// # Errors
    /// [`Error::Shader`] if a user's file is wrong.
    pub(super) fn pipeline(&self, chosen: &Chosen) -> Result<Pipeline> {
        self.pipelines.get(self, chosen)
    }

    /// Waits for a submit and all previous ones, or for all submits.
    pub(super) fn wait(
        &self,
        submission_index: Option<wgpu::SubmissionIndex>,
        step: Option<u64>,
    ) -> Result<()> {
        let timeout = Some(SUBMIT_TIMEOUT);
        self.poll_by(wgpu::PollType::Wait { submission_index, timeout }, step)
    }

    /// Makes wgpu report finished work, without waiting.
    pub(super) fn poll(&self, step: Option<u64>) -> Result<()> {
        self.poll_by(wgpu::PollType::Poll, step)
    }

    /// Polls wgpu. If the device was lost meanwhile, wgpu panics here; that becomes an error too.
    fn poll_by(&self, what: wgpu::PollType, step: Option<u64>) -> Result<()> {
        let polled = catch_unwind(AssertUnwindSafe(|| self.device.poll(what)));
        self.check(step)?;
        match polled {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(wgpu::PollError::Timeout)) => {
                let message = format!("the driver did not finish its work in {SUBMIT_TIMEOUT:?}");
                Err(self.error(step, &message))
            }
            Ok(Err(error)) => Err(self.error(step, &error)),
            Err(_) => Err(self.error(step, &"the device was lost")),
        }
    }

    /// Returns the bytes of the largest buffer that kernels can bind.
    pub(super) fn largest_buffer(&self) -> u64 {
        let limits = self.device.limits();
        // WGSL counts bytes and elements in 32 bits.
        let most = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        most.min(u32::MAX.into())
    }

    /// Creates a buffer that kernels bind.
    pub(super) fn storage_buffer(&self, label: &str, bytes: u64) -> Result<wgpu::Buffer> {
        let most = self.largest_buffer();
        if bytes > most {
            return Err(Error::Unsupported {
                adapter: self.description.name.clone(),
                expected: format!("at least {bytes} bytes in one storage buffer, for {label}"),
                found: format!("at most {most}"),
            });
        }
        let usage = wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST;
        Ok(self.buffer(label, bytes, usage))
    }

    /// Creates a buffer that the host maps to read the data copied into it.
    pub(super) fn staging_buffer(&self, label: &str, bytes: u64) -> wgpu::Buffer {
        self.buffer(label, bytes, wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST)
    }

    /// Creates a buffer for kernels' arguments.
    pub(super) fn uniform_buffer(&self, label: &str, bytes: u64) -> wgpu::Buffer {
        self.buffer(label, bytes, wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST)
    }

    fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        let label = Some(label);
        let wanted = wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false };
        self.device.create_buffer(&wanted)
    }

    /// Maps the first `bytes` of a staging buffer, once all previous submits are done.
    pub(super) fn map(&self, staging: &wgpu::Buffer, bytes: u64) -> Mapping {
        let (told, result) = mpsc::channel();
        // If the receiver is gone, the result is not needed.
        staging.map_async(wgpu::MapMode::Read, ..bytes, move |result| drop(told.send(result)));
        Mapping { staging: staging.clone(), bytes, result }
    }

    /// Returns the number of buffers that wgpu currently holds, its own included, and their bytes.
    pub fn allocations(&self) -> [isize; 2] {
        let counters = self.device.get_internal_counters().hal;
        [counters.buffers.read(), counters.buffer_memory.read()]
    }
}

fn arguments_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("arguments"),
        entries: &[wgpu::BindGroupLayoutEntry {
            binding: 0,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: true,
                min_binding_size: NonZeroU64::new(Passing::UNIFORM_BYTES as u64),
            },
            count: None,
        }],
    })
}
