//! A loaded plan: its workspace, and for each node a pipeline, a bind group and a grid.

use super::arena::Region;
use super::context::Gpu;
use super::pipeline::{Chosen, Pipeline};
use crate::device::Launch;
use crate::graph::{Plan, Step, TensorId};
use crate::kernel::{Arguments, Size};
use crate::optimizer::Optimizer;
use std::num::NonZeroU64;

/// What a node's dispatches need, all of it made at load.
#[derive(Debug)]
pub(super) struct Dispatch {
    passes: Vec<(wgpu::ComputePipeline, [u32; 3])>,
    bind_groups: Vec<wgpu::BindGroup>,
    size: Size,
    optimizer: Option<Optimizer>,
    has_arguments: bool,
}

impl Dispatch {
    /// Binds the buffers of a node: its operands, then those of each further group.
    pub(super) fn new(
        gpu: &Gpu,
        Chosen { kernel, call, tiling, .. }: &Chosen,
        pipeline: Pipeline,
        groups: &[&[Region]],
    ) -> Self {
        let bind_group = |(layout, regions): (_, &&[Region])| {
            gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(kernel.name),
                layout,
                entries: &regions.iter().enumerate().map(entry).collect::<Vec<_>>(),
            })
        };
        Self {
            has_arguments: pipeline.has_arguments,
            bind_groups: pipeline.layouts.iter().zip(groups).map(bind_group).collect(),
            passes: pipeline.passes.into_iter().zip(tiling.grids.iter().copied()).collect(),
            size: tiling.size,
            optimizer: call.optimizer(),
        }
    }

    /// How many dispatches it is.
    pub(super) fn count(&self) -> usize {
        self.passes.len()
    }

    /// Records it for one step.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass, step: Step) {
        for (pipeline, [x, y, z]) in &self.passes {
            pass.set_pipeline(pipeline);
            for (index, bind_group) in (0..).zip(&self.bind_groups) {
                pass.set_bind_group(index, bind_group, &[]);
            }
            if self.has_arguments {
                let arguments = Arguments::new(step, self.size, self.optimizer);
                pass.set_immediates(0, bytemuck::bytes_of(&arguments));
            }
            pass.dispatch_workgroups(*x, *y, *z);
        }
    }
}

/// Binds exactly the tensor's bytes, so that `arrayLength` counts its elements.
fn entry((binding, region): (usize, &Region)) -> wgpu::BindGroupEntry<'_> {
    let Region { buffer, offset, bytes } = region;
    let (offset, size) = (*offset, NonZeroU64::new(*bytes));
    let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size });
    wgpu::BindGroupEntry { binding: binding as u32, resource }
}

/// Where a plan's log is, and the buffers through which it is read back.
#[derive(Debug)]
pub(super) struct Log {
    pub(super) source: Region,
    pub(super) staging: Vec<wgpu::Buffer>,
    pub(super) columns: usize,
}

/// A plan in a session.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) plan: Plan,
    pub(super) slots: Vec<Region>,
    /// What first passes leave to second ones.
    pub(super) slices: Option<Region>,
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) launches: Vec<Launch>,
    pub(super) log: Option<Log>,
}

impl Program {
    /// Dispatches of a step.
    pub(super) fn dispatch_count(&self) -> usize {
        self.dispatches.iter().map(Dispatch::count).sum()
    }

    /// Bytes of a tensor of the plan.
    pub(super) fn bytes(&self, tensor: TensorId) -> usize {
        self.plan.graph().tensor(tensor).bytes()
    }
}
