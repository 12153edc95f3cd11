//! A loaded plan: its workspace, and for each node a pipeline, a bind group and a grid.

use super::arena::Region;
use super::context::Gpu;
use super::pipeline::{Chosen, Pipeline};
use crate::graph::{Plan, TensorId};
use crate::kernel::{Product, Step};
use std::num::NonZeroU64;

/// What a node's dispatch needs, all of it made at load.
#[derive(Debug)]
pub(super) struct Dispatch {
    pipeline: wgpu::ComputePipeline,
    bind_group: wgpu::BindGroup,
    grid: [u32; 3],
    takes: Immediate,
}

/// What a dispatch takes as immediate data.
#[derive(Clone, Copy, Debug)]
enum Immediate {
    Nothing,
    Step,
    Product(Product),
}

impl Dispatch {
    /// Binds the buffers of a node.
    pub(super) fn new(
        gpu: &Gpu,
        Chosen { kernel, call, tiling, .. }: &Chosen,
        pipeline: Pipeline,
        regions: &[Region],
    ) -> Self {
        let entries: Vec<_> = regions.iter().enumerate().map(entry).collect();
        let bind_group = gpu.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some(kernel.name),
            layout: &pipeline.layout,
            entries: &entries,
        });
        Self {
            pipeline: pipeline.pipeline,
            bind_group,
            grid: tiling.grid,
            takes: match tiling.product {
                Some(product) => Immediate::Product(product),
                None if call.op.depends_on_step() => Immediate::Step,
                None => Immediate::Nothing,
            },
        }
    }

    /// Records it for one step.
    pub(super) fn record(&self, pass: &mut wgpu::ComputePass, step: Step) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &self.bind_group, &[]);
        match self.takes {
            Immediate::Nothing => (),
            Immediate::Step => pass.set_immediates(0, bytemuck::bytes_of(&step)),
            Immediate::Product(product) => {
                pass.set_immediates(0, bytemuck::bytes_of(&Product { step, ..product }));
            }
        }
        let [x, y, z] = self.grid;
        pass.dispatch_workgroups(x, y, z);
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
    pub(super) dispatches: Vec<Dispatch>,
    pub(super) log: Option<Log>,
}

impl Program {
    /// Bytes of a tensor of the plan.
    pub(super) fn bytes(&self, tensor: TensorId) -> usize {
        self.plan.graph().tensor(tensor).bytes()
    }
}
