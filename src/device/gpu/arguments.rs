//! Transfer of dispatches' arguments to the device: in the pass itself as immediate data or, if the
//! adapter has none, in a uniform buffer that is written once per submit.

use super::context::Gpu;
use crate::kernel::{Arguments, Passing};
use std::num::NonZeroU64;

/// Arguments of the dispatches that are being recorded.
#[derive(Debug, Default)]
pub(super) struct ArgumentQueue {
    /// Buffer and bind group of the arguments; none for immediate data.
    uniform: Option<(wgpu::Buffer, wgpu::BindGroup)>,
    /// Bytes from the arguments of a dispatch to those of the next.
    stride: usize,
    /// Arguments that are recorded and not yet sent.
    bytes: Vec<u8>,
}

impl ArgumentQueue {
    /// Reserves memory for the arguments of `count` dispatches in one submit; returns whether a new
    /// buffer was created. Submits in flight keep the old one.
    pub(super) fn reserve(&mut self, gpu: &Gpu, count: usize) -> bool {
        let Some(layout) = gpu.arguments_layout() else { return false };
        let alignment = gpu.device.limits().min_uniform_buffer_offset_alignment as usize;
        self.stride = Passing::UNIFORM_BYTES.next_multiple_of(alignment);
        let bytes = count * self.stride;
        let held = self.uniform.as_ref().map_or(0, |(buffer, _)| buffer.size());
        if held >= bytes as u64 {
            return false;
        }
        let buffer = gpu.uniform_buffer("arguments", bytes as u64);
        let size = NonZeroU64::new(Passing::UNIFORM_BYTES as u64);
        let binding = wgpu::BufferBinding { buffer: &buffer, offset: 0, size };
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("arguments"),
            layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::Buffer(binding),
            }],
        });
        self.bytes.reserve(bytes);
        self.uniform = Some((buffer, bind_group));
        true
    }

    /// Records the arguments of the next dispatch of a pass.
    pub(super) fn record(&mut self, pass: &mut wgpu::ComputePass, arguments: &Arguments) {
        let arguments = bytemuck::bytes_of(arguments);
        match &self.uniform {
            None => pass.set_immediates(0, arguments),
            Some((_, bind_group)) => {
                let offset = self.bytes.len();
                pass.set_bind_group(1, bind_group, &[offset as u32]);
                self.bytes.extend_from_slice(arguments);
                self.bytes.resize(offset + self.stride, 0);
            }
        }
    }

    /// Sends the recorded arguments, before the submit that uses them: the queue writes the buffer
    /// after all previous submits, so one buffer suffices. Returns the number of bytes.
    pub(super) fn send(&mut self, gpu: &Gpu) -> u64 {
        let sent = self.bytes.len();
        if let Some((buffer, _)) = &self.uniform
            && sent > 0
        {
            gpu.queue.write_buffer(buffer, 0, &self.bytes);
            self.bytes.clear();
        }
        sent as u64
    }
}
