//! The GPU's clock: two timestamps around a pass.

use super::context::Gpu;
use crate::Result;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Two queries and the buffers through which they are read back.
#[derive(Clone, Debug)]
pub(super) struct Clock {
    queries: wgpu::QuerySet,
    resolved: wgpu::Buffer,
    staging: wgpu::Buffer,
    nanoseconds: f64, // per tick
}

impl Clock {
    const BYTES: u64 = 16;

    /// Creates the clock; none if the device has no timestamps.
    pub(super) fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Option<Self> {
        if !device.features().contains(wgpu::Features::TIMESTAMP_QUERY) {
            return None;
        }
        let buffer = |label, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some(label),
                size: Self::BYTES,
                usage,
                mapped_at_creation: false,
            })
        };
        let (copied, mapped) = (wgpu::BufferUsages::COPY_SRC, wgpu::BufferUsages::MAP_READ);
        Some(Self {
            queries: device.create_query_set(&wgpu::QuerySetDescriptor {
                label: Some("clock"),
                ty: wgpu::QueryType::Timestamp,
                count: 2,
            }),
            resolved: buffer("clock", wgpu::BufferUsages::QUERY_RESOLVE | copied),
            staging: buffer("clock staging", mapped | wgpu::BufferUsages::COPY_DST),
            nanoseconds: queue.get_timestamp_period().into(),
        })
    }

    /// Returns the descriptor that makes a pass write the timestamps.
    pub(super) fn writes(&self) -> wgpu::ComputePassTimestampWrites<'_> {
        wgpu::ComputePassTimestampWrites {
            query_set: &self.queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }
    }

    /// Records the copy of the timestamps to a buffer that the host can read.
    pub(super) fn resolve(&self, encoder: &mut wgpu::CommandEncoder) {
        encoder.resolve_query_set(&self.queries, 0..2, &self.resolved, 0);
        encoder.copy_buffer_to_buffer(&self.resolved, 0, &self.staging, 0, Self::BYTES);
    }

    /// Returns the time between the timestamps; their submit is done.
    pub(super) fn read(&self, gpu: &Gpu) -> Result<Duration> {
        let mapping = gpu.map(&self.staging, Self::BYTES);
        gpu.wait(None, None)?;
        let ticks = mapping
            .read(|ticks: &[u64]| ticks[1].saturating_sub(ticks[0]))
            .map_err(|error| gpu.error(None, &error))?;
        Ok(Duration::from_nanos((ticks as f64 * self.nanoseconds) as u64))
    }
}

impl Gpu {
    /// Measures the recorded commands: by the GPU's clock if it has one, else by the host's.
    pub(super) fn time(&self, record: impl FnOnce(&mut wgpu::ComputePass)) -> Result<Duration> {
        let clock = self.clock.as_ref();
        let clock = clock.map(|clock| clock.lock().unwrap_or_else(PoisonError::into_inner));
        let began = Instant::now();
        let mut encoder = self.encoder("timing");
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
            label: Some("timing"),
            timestamp_writes: clock.as_ref().map(|clock| clock.writes()),
        });
        record(&mut pass);
        drop(pass);
        if let Some(clock) = &clock {
            clock.resolve(&mut encoder);
        }
        self.queue.submit([encoder.finish()]);
        self.wait(None, None)?;
        let elapsed = began.elapsed();
        match &clock {
            Some(clock) => clock.read(self),
            None => Ok(elapsed),
        }
    }
}
