//! A loaded plan: its workspace, and for each node a pipeline, a bind group and a grid.

use super::arena::Region;
use super::arguments::ArgumentQueue;
use super::context::Gpu;
use super::pipeline::{Chosen, Pipeline};
use crate::device::Launch;
use crate::graph::{Plan, Step, TensorId};
use crate::kernel::{Arguments, SLICES_BINDING, Size};
use crate::optimizer::Optimizer;
use std::num::NonZeroU64;

/// A node's kernel and its pipelines.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) chosen: Chosen,
    pub(super) pipeline: Pipeline,
}

/// Everything that a node's dispatches need, created before the first step.
#[derive(Debug)]
pub(super) struct Dispatch {
    passes: Vec<(wgpu::ComputePipeline, [u32; 3])>,
    operands: wgpu::BindGroup,
    size: Size,
    optimizer: Option<Optimizer>,
    has_arguments: bool,
}

impl Dispatch {
    /// Binds the buffers of a node: its operands, and the scratch buffer between its two passes.
    pub(super) fn new(
        gpu: &Gpu,
        Bound { chosen: Chosen { kernel, call, tiling, .. }, pipeline }: &Bound,
        operands: &[Region],
        slices: Option<&Region>,
    ) -> Self {
        let slices = slices.filter(|_| tiling.slice_bytes > 0);
        let slices = slices.map(|region| entry((SLICES_BINDING, region)));
        let entries = operands.iter().enumerate().map(entry).chain(slices);
        Self {
            has_arguments: pipeline.has_arguments,
            operands: gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some(kernel.name),
                layout: &pipeline.layout,
                entries: &entries.collect::<Vec<_>>(),
            }),
            passes: pipeline.passes.iter().cloned().zip(tiling.grids.iter().copied()).collect(),
            size: tiling.size,
            optimizer: call.optimizer(),
        }
    }

    /// Returns the number of dispatches.
    pub(super) fn count(&self) -> usize {
        self.passes.len()
    }

    /// Records the dispatches for one step.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass,
        step: Step,
        arguments: &mut ArgumentQueue,
    ) {
        pass.set_bind_group(0, &self.operands, &[]);
        for (index, (pipeline, [x, y, z])) in self.passes.iter().enumerate() {
            pass.set_pipeline(pipeline);
            // All passes have one layout, so the bind group of the first remains bound.
            if self.has_arguments && index == 0 {
                arguments.record(pass, &Arguments::new(step, self.size, self.optimizer));
            }
            pass.dispatch_workgroups(*x, *y, *z);
        }
    }
}

/// Returns a binding of exactly the tensor's bytes, so that `arrayLength` counts its elements.
fn entry((binding, region): (usize, &Region)) -> wgpu::BindGroupEntry<'_> {
    let Region { buffer, offset, bytes } = region;
    let (offset, size) = (*offset, NonZeroU64::new(*bytes));
    let resource = wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset, size });
    wgpu::BindGroupEntry { binding: binding as u32, resource }
}

/// The place of a plan's log, and the buffers through which it is read back.
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
    /// Scratch buffer between the two split-k passes.
    pub(super) slices: Option<Region>,
    pub(super) nodes: Vec<Bound>,
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) launches: Vec<Launch>,
    pub(super) log: Option<Log>,
}

impl Program {
    /// Records a step.
    pub(super) fn record(
        &self,
        pass: &mut wgpu::ComputePass,
        step: Step,
        arguments: &mut ArgumentQueue,
    ) {
        self.dispatches.iter().for_each(|dispatch| dispatch.record(pass, step, arguments));
    }

    /// Returns the number of dispatches of a step.
    pub(super) fn dispatch_count(&self) -> usize {
        self.dispatches.iter().map(Dispatch::count).sum()
    }

    /// Returns the bytes of a tensor of the plan.
    pub(super) fn bytes(&self, tensor: TensorId) -> usize {
        self.plan.graph().tensor(tensor).bytes()
    }
}
