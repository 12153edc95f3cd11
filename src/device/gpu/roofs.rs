//! A GPU's roofs: each probe is run once and checked, then timed.

use super::context::{Gpu, begin_pass};
use super::pipeline::module;
use crate::Result;
use crate::device::Roofs;
use crate::kernel::{Probe, Roof, probes};
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

/// Timings of each probe, taken in turns; the best counts.
const TIMINGS: usize = 80;

/// Timings of the pace.
const PACE_TIMINGS: usize = 5;

/// Empty submits of a turn.
const SUBMITS: usize = 10;

/// Target duration of a timing, unless one dispatch lasts longer.
const TIMING: Duration = Duration::from_millis(1);

/// Measures the roofs.
pub(super) fn measure(gpu: &Gpu) -> Result<Roofs> {
    let limits = gpu.device.limits();
    let most = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
    let probes = probes(gpu.is_software, most.try_into().unwrap_or(usize::MAX));
    let trials = probes.into_iter().map(|probe| Trial::new(gpu, probe));
    let mut trials = trials.collect::<Result<Vec<_>>>()?;
    let mut submit = Duration::MAX;
    for _ in 0..TIMINGS {
        trials.iter_mut().try_for_each(|trial| trial.time(gpu))?;
        for _ in 0..SUBMITS {
            submit = submit.min(empty_submit(gpu)?);
        }
    }
    let rate = |roof: Roof| {
        let rates = trials.iter().filter(|trial| trial.probe.roof == roof).map(Trial::rate);
        rates.fold(0.0, f64::max)
    };
    Ok(Roofs {
        gflops: rate(Roof::Fma) * 1e-9,
        gbs: rate(Roof::Memory) * 1e-9,
        cached_gbs: rate(Roof::Cache) * 1e-9,
        workgroup_gbs: Some(rate(Roof::Workgroup) * 1e-9),
        dispatch_us: 1e6 / rate(Roof::Dispatch),
        submit_us: submit.as_secs_f64() * 1e6,
    })
}

/// The current speed of the device, by a probe of its FMA roof.
#[derive(Debug)]
pub(super) struct Pace(Trial);

impl Pace {
    pub(super) fn new(gpu: &Gpu) -> Result<Self> {
        let all = probes(gpu.is_software, 0);
        let Some(fma) = all.into_iter().find(|probe| probe.roof == Roof::Fma) else {
            unreachable!("there is such a probe")
        };
        Trial::new(gpu, fma).map(Self)
    }

    /// Returns 10⁹ floating-point operations a second, the best of a few timings.
    pub(super) fn measure(&mut self, gpu: &Gpu) -> Result<f64> {
        self.0.shortest = f64::INFINITY;
        (0..PACE_TIMINGS).try_for_each(|_| self.0.time(gpu))?;
        Ok(self.0.rate() * 1e-9)
    }
}

impl Gpu {
    /// Runs a probe once and checks its result.
    ///
    /// # Errors
    /// [`Error::Device`](crate::Error::Device) if the result is wrong or the device fails;
    /// [`Error::Unsupported`](crate::Error::Unsupported) if the buffers exceed the adapter's
    /// limits.
    pub fn check_probe(&self, probe: Probe) -> Result<()> {
        Trial::new(self, probe).map(drop)
    }
}

/// Returns the time of an empty submit.
fn empty_submit(gpu: &Gpu) -> Result<Duration> {
    let began = Instant::now();
    let mut encoder = gpu.encoder("roofs");
    drop(begin_pass(&mut encoder, "roofs"));
    gpu.queue.submit([encoder.finish()]);
    gpu.wait(None, None)?;
    Ok(began.elapsed())
}

/// A probe with checked results, ready to be timed.
#[derive(Debug)]
struct Trial {
    probe: Probe,
    pipeline: wgpu::ComputePipeline,
    /// One bind group per part.
    bind_groups: Vec<wgpu::BindGroup>,
    next: usize,
    count: u32,
    /// Shortest time of a dispatch, in seconds.
    shortest: f64,
}

impl Trial {
    fn new(gpu: &Gpu, probe: Probe) -> Result<Self> {
        let pipeline = pipeline(gpu, &probe);
        let x = gpu.storage_buffer(probe.name, probe.x_bytes as u64)?;
        let y = gpu.storage_buffer(probe.name, probe.y_bytes as u64)?;
        let end = (probe.x_bytes - size_of_val(&*probe.x)) as u64;
        gpu.queue.write_buffer(&x, end, bytemuck::cast_slice(&probe.x));
        let layout = pipeline.get_bind_group_layout(0);
        let bind_group = |part| {
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(probe.name),
                layout: &layout,
                entries: &[(0, &x), (1, &y)].map(|(binding, buffer)| {
                    let bytes = buffer.size() / probe.parts as u64;
                    let (offset, size) = (part * bytes, NonZeroU64::new(bytes));
                    let region = wgpu::BufferBinding { buffer, offset, size };
                    let resource = wgpu::BindingResource::Buffer(region);
                    wgpu::BindGroupEntry { binding, resource }
                }),
            })
        };
        let bind_groups = (0..probe.parts as u64).map(bind_group).collect();
        let count = probe.parts as u32;
        let shortest = f64::INFINITY;
        let mut trial = Self { probe, pipeline, bind_groups, next: 0, count, shortest };
        trial.time(gpu)?;
        trial.check(gpu, &y)?;
        // The first timing may include the allocation of memory.
        trial.time(gpu)?;
        trial.count = (TIMING.as_secs_f64() / trial.shortest).clamp(1.0, 100.0) as u32;
        Ok(trial)
    }

    /// Checks the result of one dispatch of each part on a `y` that was 0.
    fn check(&self, gpu: &Gpu, y: &wgpu::Buffer) -> Result<()> {
        let expected = &self.probe.y;
        let bytes = size_of_val(&**expected) as u64;
        let staging = gpu.staging_buffer(self.probe.name, bytes);
        let mut encoder = gpu.encoder("roofs");
        encoder.copy_buffer_to_buffer(y, y.size() - bytes, &staging, 0, bytes);
        gpu.queue.submit([encoder.finish()]);
        let mapping = gpu.map(&staging, bytes);
        gpu.wait(None, None)?;
        let right = mapping.read(|found: &[f32]| found == expected);
        if right.map_err(|error| gpu.error(None, &error))? {
            return Ok(());
        }
        Err(gpu.error(None, &format!("wrong results of shaders/roofs/{}.wgsl", self.probe.name)))
    }

    fn time(&mut self, gpu: &Gpu) -> Result<()> {
        let time = gpu.time(|pass| {
            pass.set_pipeline(&self.pipeline);
            for _ in 0..self.count {
                pass.set_bind_group(0, &self.bind_groups[self.next], &[]);
                self.next = (self.next + 1) % self.bind_groups.len();
                pass.dispatch_workgroups(self.probe.workgroups as u32, 1, 1);
            }
        })?;
        // A clock may be too coarse for one dispatch.
        let time = time.max(Duration::from_nanos(1)).as_secs_f64();
        self.shortest = self.shortest.min(time / f64::from(self.count));
        Ok(())
    }

    /// Returns the work per second.
    fn rate(&self) -> f64 {
        self.probe.work / self.shortest
    }
}

fn pipeline(gpu: &Gpu, probe: &Probe) -> wgpu::ComputePipeline {
    let label = Some(probe.name);
    let source = wgpu::ShaderSource::Wgsl(probe.wgsl.into());
    gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label,
        layout: None,
        module: &module(gpu, wgpu::ShaderModuleDescriptor { label, source }, gpu.is_checked),
        entry_point: Some(probe.entry_point),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &probe.constants,
            zero_initialize_workgroup_memory: false,
        },
        cache: gpu.pipeline_cache(),
    })
}
